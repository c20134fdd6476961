package transcriber_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/loquent/callstream/schema"
)

// conversation is a recording on two channels of two people who take turns.
const conversation = "../../pkg/simulator/audio/booking.mp3"

// spoken returns what is said in the conversation, and when.
func spoken(t *testing.T) []schema.Segment {
	t.Helper()
	described, err := os.ReadFile("../../pkg/simulator/audio/clips.json")
	if err != nil {
		t.Fatal(err)
	}
	var clips []struct {
		Name     string
		Segments []schema.Segment
	}
	if err := json.Unmarshal(described, &clips); err != nil {
		t.Fatal(err)
	}
	for _, clip := range clips {
		if strings.HasSuffix(conversation, "/"+clip.Name+".mp3") {
			return clip.Segments
		}
	}
	t.Fatal("nobody knows what is said")
	return nil
}

// Each line of a conversation is given to the channel of who speaks it; what
// nobody speaks, to none.
func TestWhoSpeaks(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.record.Channels = 2
	audio, err := os.ReadFile(conversation)
	if err != nil {
		t.Fatal(err)
	}
	w.audio, w.record.Object.Size = func() io.Reader { return bytes.NewReader(audio) }, int64(len(audio))
	lines := spoken(t)
	after := schema.Segment{Start: 1e6, End: 1e6 + 1, Text: "nothing"}
	w.listen = func(string) (schema.Transcript, error) {
		return schema.Transcript{Segments: append(slices.Clone(lines), after)}, nil
	}
	if err := w.handle(t); err != nil {
		t.Fatal(err)
	}
	got := w.record.Transcript.Segments
	for i := range lines {
		if want := 1 + i%2; got[i].Channel != want {
			t.Errorf("%q is on channel %d, want %d", got[i].Text, got[i].Channel, want)
		}
	}
	if silence := got[len(lines)]; silence.Channel != 0 {
		t.Errorf("silence is on channel %d, want none", silence.Channel)
	}
}

// A recording on one channel has nobody to tell apart, and is read once.
func TestOneChannelHasNoSpeakers(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.listen = func(string) (schema.Transcript, error) {
		return schema.Transcript{Segments: []schema.Segment{{End: 1, Text: "hello"}}}, nil
	}
	if err := w.handle(t); err != nil {
		t.Fatal(err)
	}
	if reads := slices.DeleteFunc(slices.Clone(w.log), func(s string) bool { return !strings.HasPrefix(s, "get ") }); len(reads) != 1 {
		t.Errorf("read %d times", len(reads))
	}
	if got := w.record.Transcript.Segments[0].Channel; got != 0 {
		t.Errorf("channel %d", got)
	}
}

// While the copy cannot be read to its end nothing is paid for.
func TestNothingIsTranscribedThatCannotBeHeard(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.record.Channels = 2
	away := errors.New("away")
	w.audio = func() io.Reader { return io.MultiReader(strings.NewReader("au"), iotest.ErrReader(away)) }
	if err := w.handle(t); !errors.Is(err, away) {
		t.Errorf("%v, want that the bucket is away", err)
	}
	if slices.Contains(w.log, "transcribe") {
		t.Error("it was transcribed")
	}
}
