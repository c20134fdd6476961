package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

const mediaPath = "/api/recordings/" + recordingSID + "/media"

func TestMediaAnswersRanges(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, body := request(t, s, "csk_play", "GET", mediaPath, "")
	if response.StatusCode != http.StatusOK || body != audio || response.Header.Get("Content-Type") != "audio/mpeg" {
		t.Errorf("whole: %d %q %q", response.StatusCode, body, response.Header.Get("Content-Type"))
	}
	response, body = request(t, s, "csk_play", "GET", mediaPath, "", "Range", "bytes=2-4")
	if response.StatusCode != http.StatusPartialContent || body != "234" {
		t.Errorf("range: %d %q", response.StatusCode, body)
	}
	response, body = request(t, s, "csk_play", "GET", mediaPath, "", "Range", "bytes=10-")
	if response.StatusCode != 416 || response.Header.Get("Content-Range") != "bytes */10" ||
		response.Header.Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(body, `{"title":`) {
		t.Errorf("a range beyond the end: %d %v %s", response.StatusCode, response.Header, body)
	}
	if s.opened != 0 {
		t.Errorf("%d readers of the archive are left open", s.opened)
	}
}

// A playback is one entry, whatever its player asks for, and no part of it is
// heard without.
func TestPlaybackIsAudited(t *testing.T) {
	t.Parallel()
	s := &store{now: time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)}
	h := s.handler()
	for _, c := range []struct {
		name, method, key, byteRange string
		after                        time.Duration
		entries                      int // after it
	}{
		{"a look at the headers", "HEAD", "csk_play", "", 0, 0},
		{"all but the first byte, out of nothing", "GET", "csk_play", "bytes=1-", 0, 1},
		{"the whole", "GET", "csk_play", "", 0, 2},
		{"its start", "GET", "csk_play", "bytes=0-3", 0, 3},
		{"the next part", "GET", "csk_play", "bytes=4-7", time.Minute, 3},
		{"the rest", "GET", "csk_play", "bytes=8-", time.Minute, 3},
		{"another key's next part", "GET", "csk_other_play", "bytes=4-7", 0, 4},
		{"another key's start", "GET", "csk_other_play", "bytes=0-", 0, 5},
		{"its end", "GET", "csk_play", "bytes=-10", 0, 6},
		{"parts in one request", "GET", "csk_play", "bytes=5-6,0-4", 0, 7},
		{"a start of another spelling", "GET", "csk_play", "bytes=00-", 0, 8},
		{"a part that comes long after", "GET", "csk_play", "bytes=4-7", time.Hour, 9},
	} {
		s.now = s.now.Add(c.after)
		response, body := ask(t, h, c.key, c.method, mediaPath, "", "Range", c.byteRange)
		if response.StatusCode >= 300 || len(s.played) != c.entries {
			t.Errorf("%s: %d %s, %d entries, want %d", c.name, response.StatusCode, body, len(s.played), c.entries)
		}
	}
	first := s.played[0]
	if first.Action != "recording.play" || first.Target != recordingSID || first.OrganizationID != org ||
		first.Actor != "key:csk_play" || first.Detail["range"] != "bytes=1-" {
		t.Errorf("entry %+v", first)
	}
}

// What cannot be accounted for is not played.
func TestNoAuditNoPlayback(t *testing.T) {
	t.Parallel()
	s := &store{auditErr: schema.Errorf(schema.Internal, "disk full")}
	response, body := request(t, s, "csk_play", "GET", mediaPath, "")
	if response.StatusCode != 503 || strings.Contains(body, audio) || !strings.Contains(body, "audit log") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if s.opened != 0 {
		t.Errorf("%d readers of the archive are left open", s.opened)
	}
}

// Nothing of what may not be heard is opened, nor said to have been played.
func TestNothingToPlay(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/api/recordings/" + quarantined + "/media":          403,
		"/api/recordings/RE" + callSID[2:29] + "99999/media": 404,
		"/api/recordings/recording/media":                    422,
	} {
		s := &store{}
		if response, body := request(t, s, "csk_play", "GET", path, ""); response.StatusCode != want || len(s.played) > 0 {
			t.Errorf("%s: %d %s, played %v", path, response.StatusCode, body, s.played)
		}
	}
}
