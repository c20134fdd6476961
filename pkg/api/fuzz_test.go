package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
)

// FuzzBodies: whatever is sent to whichever operation takes a body, nothing
// breaks, and an answer is JSON that holds nothing of the tokens.
func FuzzBodies(f *testing.F) {
	taking := operations(f, func(o described) bool { return o.RequestBody != nil })
	for i, o := range taking {
		_, _, body := o.request(f)
		f.Add(uint16(i), body)
		f.Add(uint16(i), strings.NewReplacer(`"`, "", "{", "[").Replace(body))
	}
	for _, body := range []string{"null", "[]", "0", `{"":0}`, `{"rate":1e400}`, "{\"reason\":\"a\r\nb\\u0000\"}", strings.Repeat("[", 10_000)} {
		f.Add(uint16(0), body)
	}
	s := &store{}
	h := s.handler()
	f.Fuzz(func(t *testing.T, which uint16, body string) {
		s.asked = nil
		method, path, _ := taking[int(which)%len(taking)].request(t)
		response, answer := ask(t, h, "csk_op_admin", method, path, body, "Callstream-Organization", org)
		sound(t, response, answer, method+" "+path+" "+body)
		for _, asked := range s.asked {
			if asked != org && asked != "" {
				t.Errorf("%s %s %s: asked for what belongs to %q", method, path, body, asked)
			}
		}
	})
}

// FuzzRequests: the same of any path, query, key and header.
func FuzzRequests(f *testing.F) {
	all := operations(f, func(described) bool { return true })
	for i := range all {
		f.Add(uint16(i), "", "csk_op_admin", org)
		f.Add(uint16(i), "limit=0&cursor=%00&since=x", "csk_read", "")
		f.Add(uint16(i), "status=%ff&number=%27", "csk_\r\nX: y", "\x00")
	}
	s := &store{}
	h := s.handler()
	f.Fuzz(func(t *testing.T, which uint16, query, key, named string) {
		method, path, body := all[int(which)%len(all)].request(t)
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header = http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}, "Callstream-Organization": {named}}
		w := httptest.NewRecorder()
		s.asked = nil
		h.ServeHTTP(w, r)
		sound(t, w.Result(), w.Body.String(), method+" "+path+"?"+query)
		if permission, ok := strings.CutPrefix(strings.TrimSpace(key), "csk_other_"); ok && len(s.asked) > 0 && s.asked[0] != otherOrg {
			t.Errorf("%s's key asked for what belongs to %q", permission, s.asked)
		}
	})
}

// FuzzPaths: the same of any identifier in a path; none reaches a store that is
// not what the document says.
func FuzzPaths(f *testing.F) {
	named := operations(f, func(o described) bool { return strings.Contains(o.path, "{") })
	for i := range named {
		for _, id := range []string{"../../x", "%2e%2e", callSID, strings.ToUpper(recordingSID), "+15550001111' OR 1=1", "-1", "\x00", "1/retry"} {
			f.Add(uint16(i), id)
		}
	}
	h := (&store{}).handler()
	f.Fuzz(func(t *testing.T, which uint16, id string) {
		o := named[int(which)%len(named)]
		place := o.path[strings.Index(o.path, "{") : strings.Index(o.path, "}")+1]
		_, _, body := o.request(t)
		path := strings.Replace(o.path, place, url.PathEscape(id), 1)
		if _, err := url.ParseRequestURI(path); err != nil {
			t.Skip()
		}
		response, answer := ask(t, h, "csk_admin", o.method, path, body)
		if response.StatusCode != http.StatusTemporaryRedirect { // the router's, of a path that it cleans
			sound(t, response, answer, o.method+" "+path)
		}
	})
}

// FuzzRange: whichever part of a recording is asked for, what comes is that
// part of it.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-", "bytes=2-4", "bytes=-3", "bytes=10-", "bytes=5-6,0-4", "bytes=18446744073709551616-", "bytes=--1", "lines=1-2", "bytes=0-0,\r\n"} {
		f.Add(s)
	}
	s := &store{}
	h := s.handler()
	f.Fuzz(func(t *testing.T, asked string) {
		s.played, s.now = nil, s.now.Add(time.Hour) // another playback
		response, body := ask(t, h, "csk_play", "GET", mediaPath, "", "Range", asked)
		switch response.StatusCode {
		case http.StatusOK:
			if body != audio {
				t.Errorf("%q: %q", asked, body)
			}
		case http.StatusPartialContent:
			part := response.Header.Get("Content-Range")
			if !strings.HasPrefix(response.Header.Get("Content-Type"), "multipart/") && (part == "" || !strings.Contains(audio, body)) {
				t.Errorf("%q: %s of %q", asked, part, body)
			}
		default:
			sound(t, response, body, asked)
		}
		if s.opened != 0 || (response.StatusCode < 300 && len(s.played) != 1) {
			t.Errorf("%q: %d readers are open, %d playbacks written down", asked, s.opened, len(s.played))
		}
	})
}

// operations are those of the document that are selected.
func operations(f *testing.F, selects func(described) bool) (selected []described) {
	_, all := document(f)
	for _, o := range all {
		if selects(o) {
			selected = append(selected, o)
		}
	}
	return selected
}

// sound fails unless the answer is one that the API gives: no failure of its
// own, JSON (or the audio), a problem that is called one, headers of one line.
func sound(t *testing.T, response *http.Response, answer, what string) {
	t.Helper()
	if response.StatusCode >= 500 {
		t.Errorf("%s: %d %s", what, response.StatusCode, answer)
	}
	kind := response.Header.Get("Content-Type")
	if (response.StatusCode >= 400) != (kind == "application/problem+json") {
		t.Errorf("%s: %d as %q", what, response.StatusCode, kind)
	}
	if strings.HasSuffix(kind, "json") && !json.Valid([]byte(answer)) {
		t.Errorf("%s: %q is no JSON", what, answer)
	}
	for name, values := range response.Header {
		if strings.ContainsFunc(strings.Join(values, ""), unicode.IsControl) {
			t.Errorf("%s: %s: %s", what, name, strconv.Quote(strings.Join(values, "")))
		}
	}
	if strings.Contains(answer, "auth_token\":\"") && !strings.Contains(kind, "problem") {
		t.Errorf("%s: a token in %s", what, answer)
	}
}
