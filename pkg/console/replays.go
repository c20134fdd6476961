package console

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// replays is what the page about replays shows.
type replays struct {
	Replays []schema.Replay
	Next    string // the address of the next page; empty on the last
	Newest  bool   // it is the first page
	Live    bool   // some go on
}

// replays lists the replays within the visitor's reach.
func (c *console) replays(v *visit) error {
	query := url.Values{}
	if cursor := v.r.FormValue("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var answer struct {
		Replays []schema.Replay
		Next    string
	}
	if err := v.everywhere().get(v.r.Context(), "/api/replays", query, &answer); err != nil {
		return unconnected(err)
	}
	shown := replays{Replays: answer.Replays, Next: nextPage(v.r.URL, answer.Next), Newest: len(query) == 0}
	for _, r := range answer.Replays {
		shown.Live = shown.Live || goesOn(r.State)
	}
	return v.show("replays", "Replays", shown)
}

// goesOn reports whether a replay in that state changes by itself.
func goesOn(s schema.ReplayState) bool {
	return s == schema.ReplayQueued || s == schema.ReplayRunning || s == schema.ReplayInterrupted
}

// replayForm is what the page to choose a replay shows.
type replayForm struct {
	Spec     schema.ReplaySpec
	Estimate *schema.ReplayEstimate // of the spec, when it was asked for
	Problem  *problem
}

// Consumers are those to choose from.
func (replayForm) Consumers() []consumer { return consumers }

// Effect returns what the chosen consumer's work does outside callstream.
func (f replayForm) Effect() string { return consumerNamed(f.Spec.Consumer).Effect }

// newReplay shows the form, filled in with what the address says.
func (c *console) newReplay(v *visit) error {
	spec, wrong := v.spec()
	if spec.Consumer == "" {
		spec.Consumer = consumers[0].Name
	}
	return v.show("replay-new", "New replay", replayForm{Spec: spec, Problem: wrong})
}

// estimateReplay counts what the form's replay would look at.
func (c *console) estimateReplay(v *visit) error {
	shown := replayForm{}
	if shown.Spec, shown.Problem = v.spec(); shown.Problem == nil {
		shown.Estimate = &schema.ReplayEstimate{}
		err := v.everywhere().do(v.r.Context(), http.MethodPost, "/api/replays/estimate", shown.Spec, shown.Estimate)
		if shown.Problem = refused(err); err != nil && shown.Problem == nil {
			return err
		}
		if shown.Problem != nil {
			shown.Estimate = nil
		}
	}
	status := shown.Problem.status()
	if v.htmx() {
		status = http.StatusOK // a part of the page is swapped, whatever it says
	}
	return v.render(status, "replay-new", "New replay", shown)
}

// startReplay queues the form's replay and goes to where it is watched. One
// with effects outside callstream needs the consumer's name typed.
func (c *console) startReplay(v *visit) error {
	spec, wrong := v.spec()
	if wrong == nil && len(spec.AllowSideEffects) > 0 && !spec.DryRun && v.typed("confirm") != spec.Consumer {
		wrong = amiss("This replay has effects outside callstream. To start it, type the consumer’s name, " + spec.Consumer + ", into the field below them.")
	}
	var started schema.Replay
	if wrong == nil {
		err := v.everywhere().do(v.r.Context(), http.MethodPost, "/api/replays", spec, &started)
		if wrong = refused(err); err != nil && wrong == nil {
			return err
		}
	}
	if wrong != nil {
		return v.render(wrong.status(), "replay-new", "New replay", replayForm{Spec: spec, Problem: wrong})
	}
	return v.redirect("/replays/" + started.ID)
}

// spec reads the form of a replay, or an address that fills it in.
func (v *visit) spec() (s schema.ReplaySpec, wrong *problem) {
	text := func(name string) string { return strings.TrimSpace(v.r.FormValue(name)) }
	s = schema.ReplaySpec{
		Consumer: text("consumer"), Subject: text("subject"), Organization: text("organization"), CallSID: text("call_sid"), RecordingSID: text("recording_sid"),
		DryRun: v.r.FormValue("mode") == "dry", Force: v.r.FormValue("force") == "true",
	}
	_ = v.r.ParseForm() // what does not parse allows nothing
	if !s.DryRun {
		s.AllowSideEffects = v.r.Form["allow_side_effects"]
	}
	for name, field := range map[string]*time.Time{"since": &s.Since, "until": &s.Until} {
		var ok bool
		if *field, ok = readMoment(text(name)); !ok {
			return s, amiss("“" + text(name) + "” is not a time.")
		}
	}
	for name, field := range map[string]*uint64{"from_seq": &s.FromSeq, "to_seq": &s.ToSeq} {
		if text(name) == "" {
			continue
		}
		n, err := strconv.ParseUint(text(name), 10, 64)
		if err != nil {
			return s, amiss("“" + text(name) + "” is not a sequence: enter a whole number.")
		}
		*field = n
	}
	if text("rate") != "" {
		rate, err := strconv.ParseFloat(text("rate"), 64)
		if err != nil || rate < 0 {
			return s, amiss("“" + text("rate") + "” is not a rate: enter a number of events a second.")
		}
		s.Rate = rate
	}
	return s, nil
}

// readMoment reads a time as our script sends it, or as a browser without it
// does, which is taken for UTC. Nothing is no time, which is right.
func readMoment(text string) (at time.Time, ok bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, text == ""
}

// again returns the query that fills in the form as the spec has it, to be run
// for real.
func again(s schema.ReplaySpec) template.URL {
	q := url.Values{"mode": {"run"}, "allow_side_effects": s.AllowSideEffects}
	for name, text := range map[string]string{
		"consumer": s.Consumer, "subject": s.Subject, "organization": s.Organization, "call_sid": s.CallSID, "recording_sid": s.RecordingSID,
	} {
		if text != "" {
			q.Set(name, text)
		}
	}
	for name, at := range map[string]time.Time{"since": s.Since, "until": s.Until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	for name, seq := range map[string]uint64{"from_seq": s.FromSeq, "to_seq": s.ToSeq} {
		if seq > 0 {
			q.Set(name, strconv.FormatUint(seq, 10))
		}
	}
	if s.Rate > 0 {
		q.Set("rate", strconv.FormatFloat(s.Rate, 'g', -1, 64))
	}
	if s.Force {
		q.Set("force", "true")
	}
	return template.URL(q.Encode()) //nolint:gosec // encoded
}
