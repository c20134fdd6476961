package eventsink_test

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

const (
	deprecated = "com.twilio.voice.webhook.status-callback."
	short      = "com.twilio.voice.status."
	summary    = "com.twilio.voice.insights.call-summary.complete"
)

// catalogue has Twilio offer types with a status each, and no others.
func (w *world) catalogue(statuses map[string]string) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/v1/Types/") {
			return false
		}
		name := path.Base(r.URL.Path)
		if statuses[name] == "" {
			return refuse(rw, http.StatusNotFound, 20404, "not found")
		}
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(map[string]string{"type": name, "status": statuses[name]})
		return true
	}
}

// Each type is subscribed to under the best name that Twilio offers.
func TestNamesOfTypes(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	others := []string{callback + "call.completed", callback + "recording.processed", summary}
	for what, test := range map[string]struct {
		statuses map[string]string
		answered string // the name that it goes by; empty: none
	}{
		"today's":                 {map[string]string{callback + "call.answered": "available", deprecated + "call.answered": "available"}, callback + "call.answered"},
		"today's is restricted":   {map[string]string{callback + "call.answered": "restricted", deprecated + "call.answered": "available"}, deprecated + "call.answered"},
		"today's is discontinued": {map[string]string{callback + "call.answered": "discontinued", deprecated + "call.answered": "deprecated"}, deprecated + "call.answered"},
		"today's is unknown":      {map[string]string{deprecated + "call.answered": "deprecated"}, deprecated + "call.answered"},
		"available before deprecated": {
			map[string]string{callback + "call.answered": "deprecated", deprecated + "call.answered": "available"}, deprecated + "call.answered",
		},
		"all are deprecated": {
			map[string]string{callback + "call.answered": "deprecated", deprecated + "call.answered": "deprecated"}, callback + "call.answered",
		},
		"none is offered": {map[string]string{callback + "call.answered": "restricted", deprecated + "call.answered": "discontinued"}, ""},
		"none is known":   {nil, ""},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			statuses := map[string]string{}
			for _, name := range others {
				statuses[name] = "available"
			}
			for name, status := range test.statuses {
				statuses[name] = status
			}
			w.proxy.meddling(w.catalogue(statuses))
			setup := w.setUp(schema.CallEvents)
			want, missing := slices.Clone(others), []string{callback + "call.answered"}
			if test.answered != "" {
				want, missing = slices.Insert(want, 0, test.answered), nil
			}
			if diff := cmp.Diff([][]string{want, missing}, [][]string{setup.Types, setup.Missing}); diff != "" {
				t.Error(diff)
			}
			if got := w.subscribed(setup.SubscriptionSID); len(got) != len(want) {
				t.Errorf("subscribed to %v", got)
			}
		})
	}
}

// The short name is the last that is looked for.
func TestTheShortNameIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.proxy.meddling(w.catalogue(map[string]string{short + "answered": "available", summary: "available"}))
	setup := w.setUp(schema.CallEvents) // the double knows no such type, whatever its catalogue says
	if !slices.Contains(setup.Missing, short+"answered") || !slices.Equal(setup.Types, []string{summary}) {
		t.Errorf("%+v", setup)
	}
}

// An account without any of the types gets nothing made.
func TestNothingIsOffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.proxy.meddling(w.catalogue(nil))
	for _, kind := range schema.EventKinds {
		_, err := w.Setup(t.Context(), w.org(), kind)
		wantCode(t, err, schema.Refused, w.account.AccountSID, string(kind), "support")
	}
	w.wantCount(0, 0)
}

// types are those that a request asks for.
func types(r *http.Request) (asked []schema.SubscribedType) {
	_ = r.ParseForm()
	for _, value := range r.PostForm["Types"] {
		var one struct {
			Type    string
			Version int `json:"schema_version"`
		}
		_ = json.Unmarshal([]byte(value), &one)
		asked = append(asked, schema.SubscribedType{Type: one.Type, Version: one.Version})
	}
	if name := r.PostForm.Get("Type"); name != "" {
		asked = append(asked, schema.SubscribedType{Type: name, Version: len(r.PostForm.Get("SchemaVersion"))})
	} else if strings.Contains(r.URL.Path, "/SubscribedEvents/") {
		asked = append(asked, schema.SubscribedType{Type: path.Base(r.URL.Path), Version: len(r.PostForm.Get("SchemaVersion"))})
	}
	return asked
}

// choosy refuses requests for types that unwanted names.
func choosy(code int, unwanted func(schema.SubscribedType) bool) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPost && slices.ContainsFunc(types(r), unwanted) && refuse(w, http.StatusBadRequest, code, "a type will not do")
	}
}

// existing are the subscriptions that a set-up can start from.
var existing = map[string]func(*world){
	"nothing is there": func(*world) {},
	"a subscription to something else": func(w *world) {
		_, err := w.twilio.UpdateEventSubscription(w.t.Context(), w.account, w.setUp(schema.CallEvents).SubscriptionSID,
			[]schema.SubscribedType{{Type: callback + "call.ringing", Version: 2}})
		must(w.t, err)
	},
}

// A type that Twilio refuses in spite of its catalogue is left out and told,
// and so is a schema version; the others are subscribed to, be the subscription
// new or old.
func TestTypesThatAreRefused(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for what, test := range map[string]struct {
		code     int
		unwanted func(schema.SubscribedType) bool
		missing  []string
		types    int
	}{
		"the first type": {91104, func(s schema.SubscribedType) bool { return s.Type == callback+"call.answered" }, []string{callback + "call.answered"}, 3},
		"the last type":  {91104, func(s schema.SubscribedType) bool { return s.Type == summary }, []string{summary}, 3},
		"a version": {91104, func(s schema.SubscribedType) bool { return s.Type == summary && s.Version > 0 },
			[]string{summary + " in schema version 7"}, 4},
		"a version, by another code": {20001, func(s schema.SubscribedType) bool { return s.Type == summary && s.Version > 0 },
			[]string{summary + " in schema version 7"}, 4},
		"a version of the first type": {91104, func(s schema.SubscribedType) bool { return s.Type == callback+"call.answered" && s.Version > 0 },
			[]string{callback + "call.answered in schema version 2"}, 4},
		"all but one": {91104, func(s schema.SubscribedType) bool { return s.Type != callback+"recording.processed" },
			[]string{callback + "call.answered", callback + "call.completed", summary}, 1},
	} {
		for before, prepare := range existing {
			t.Run(what+", "+before, func(t *testing.T) {
				w := newWorldOn(t, db)
				prepare(w)
				w.proxy.meddling(choosy(test.code, test.unwanted))
				setup := w.setUp(schema.CallEvents)
				slices.Sort(setup.Missing)
				slices.Sort(test.missing)
				if diff := cmp.Diff(test.missing, setup.Missing); diff != "" || len(setup.Types) != test.types {
					t.Errorf("%s, %+v", diff, setup)
				}
				var names []string
				for _, s := range w.subscribed(setup.SubscriptionSID) {
					names = append(names, s.Type)
				}
				slices.Sort(setup.Types)
				if diff := cmp.Diff(setup.Types, names); diff != "" {
					t.Errorf("told and subscribed: %s", diff)
				}
				w.wantTruth(schema.CallEvents)
				w.wantCount(1, 1)
				w.proxy.meddling(nil)
				w.setUp(schema.CallEvents) // when Twilio takes them, a repeat has them
				w.wantOne(schema.CallEvents)
			})
		}
	}
}

// When all are refused the set-up fails, and a repeat finds its sink.
func TestAllTypesAreRefused(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for _, prepare := range existing {
		w := newWorldOn(t, db)
		prepare(w)
		had := w.stored(schema.CallEvents)
		w.proxy.meddling(choosy(91104, func(schema.SubscribedType) bool { return true }))
		_, err := w.Setup(t.Context(), w.org(), schema.CallEvents)
		wantCode(t, err, schema.Refused, "none of the event types", "91104")
		if now := w.stored(schema.CallEvents); now.Active != had.Active || now.SubscriptionSID != had.SubscriptionSID {
			t.Errorf("stored: %+v, want %+v", now, had)
		}
		w.proxy.meddling(nil)
		w.setUp(schema.CallEvents)
		w.wantOne(schema.CallEvents)
		w.wantCount(1, 1)
	}
}

// A version that cannot be changed is better than no events.
func TestAnOldVersionIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	situations["types are out of date"](w)
	w.proxy.meddling(choosy(91104, func(s schema.SubscribedType) bool { return s.Type == callback+"call.completed" }))
	setup := w.setUp(schema.CallEvents)
	if want := []string{callback + "call.completed in schema version 2"}; !slices.Equal(setup.Missing, want) || len(setup.Types) != 4 {
		t.Errorf("%+v", setup)
	}
	if got := w.subscribed(setup.SubscriptionSID); len(got) != 4 || !slices.Contains(got, schema.SubscribedType{Type: callback + "call.completed", Version: 1}) {
		t.Errorf("subscribed to %v", got)
	}
}

// A type has its successor before it goes.
func TestNothingIsMissedWhileTypesChange(t *testing.T) {
	t.Parallel()
	for _, refused := range []string{"", summary} {
		w := newWorld(t)
		situations["types are out of date"](w)
		w.proxy.meddling(func(_ int, rw http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodDelete && len(w.subscribed(strings.Split(r.URL.Path, "/")[3])) < 4 {
				t.Errorf("%s too early", r.URL.Path)
			}
			return choosy(91104, func(s schema.SubscribedType) bool { return s.Type == refused })(0, rw, r)
		})
		w.setUp(schema.CallEvents)
	}
}
