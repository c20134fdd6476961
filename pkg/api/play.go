package api

import (
	"context"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// actionPlay is what the audit log calls a playback.
const actionPlay = "recording.play"

// played writes a playback to the audit log. A player asks for one recording
// in many parts: those that go on with a playback which was written down lately
// are not written again, all others are, wherever they start.
func (a *api) played(ctx context.Context, in *mediaInput) error {
	p, now := play{caller(ctx).KeyID, organization(ctx), in.RecordingSID}, a.Clock()
	if goesOn.MatchString(in.Range) && a.plays.lately(p, now) {
		return nil
	}
	entry := schema.AuditEntry{Action: actionPlay, Target: in.RecordingSID, Detail: map[string]any{}}
	if in.Range != "" {
		entry.Detail["range"] = in.Range
	}
	if err := a.Audit.Audit(ctx, organization(ctx), entry); err != nil {
		a.Logger.ErrorContext(ctx, "audit playback", "recording_sid", in.RecordingSID, "error", err)
		return huma.NewError(http.StatusServiceUnavailable, "the playback cannot be written to the audit log now, so nothing is played; try again in a moment")
	}
	a.plays.add(p, now)
	return nil
}

// goesOn matches a Range that does not start at the first byte.
var goesOn = regexp.MustCompile(`^bytes=0*[1-9][0-9]*-[0-9]*$`)

// A playback lasts, for those who ask for its parts, half an hour from where it
// was written down; of so many are the parts known.
const (
	playbackLasts = 30 * time.Minute
	playsKept     = 10_000
)

// play is one key's listening to one recording.
type play struct{ keyID, organization, recordingSID string }

// plays remembers which playbacks the audit log has.
type plays struct {
	mu sync.Mutex
	at map[play]time.Time
}

func newPlays() *plays { return &plays{at: map[play]time.Time{}} }

// lately reports whether p was added and still lasts.
func (s *plays) lately(p play, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[p]
	return ok && now.Sub(at) < playbackLasts
}

// add remembers p. When there are too many all are forgotten, which costs some
// entries that are not needed and loses none.
func (s *plays) add(p play, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.at) >= playsKept {
		clear(s.at)
	}
	s.at[p] = now
}
