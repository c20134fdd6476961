package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/schema"
)

const waveformPath = "/api/recordings/" + recordingSID + "/waveform"

// draw returns the waveform of a recording that sounds so.
func draw(t *testing.T, sound string) (schema.Waveform, *store) {
	t.Helper()
	s := &store{sound: sound}
	response, body := request(t, s, "csk_play", http.MethodGet, waveformPath, "")
	var wave schema.Waveform
	if err := json.Unmarshal([]byte(body), &wave); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", response.StatusCode, body, err)
	}
	return wave, s
}

func TestWaveformShowsWhoSpeaks(t *testing.T) {
	t.Parallel()
	booking, err := os.ReadFile("../simulator/audio/booking.mp3") // somebody asks for 2.5 s, another answers for as long
	if err != nil {
		t.Fatal(err)
	}
	wave, s := draw(t, string(booking))
	if len(wave.Channels) != 2 || wave.Duration < 7 || wave.Duration > 7.2 {
		t.Fatalf("%d channels of %v s", len(wave.Channels), wave.Duration)
	}
	mean := func(c int, from, to float64) (sum float64) {
		part := wave.Channels[c][int(from/wave.Duration*float64(len(wave.Channels[c]))):int(to/wave.Duration*float64(len(wave.Channels[c])))]
		for _, height := range part {
			sum += height / float64(len(part))
		}
		return sum
	}
	if asks, listens := mean(0, .5, 2), mean(1, .5, 2); asks < .3 || listens > .1 {
		t.Errorf("while the first speaks the channels are %.2f and %.2f high", asks, listens)
	}
	if listens, answers := mean(0, 3, 4.5), mean(1, 3, 4.5); answers < .3 || listens > .1 {
		t.Errorf("while the second speaks the channels are %.2f and %.2f high", listens, answers)
	}
	if loudest := max(slices.Max(wave.Channels[0]), slices.Max(wave.Channels[1])); loudest != 1 {
		t.Errorf("the loudest moment is %v high", loudest)
	}
	if len(s.played) > 0 || s.opened != 0 {
		t.Errorf("drawing is in the audit log as playing (%v), or left %d files open", s.played, s.opened)
	}
}

// However long a recording is, its picture is about as wide.
func TestWaveformOfAnyLength(t *testing.T) {
	t.Parallel()
	for _, length := range []time.Duration{time.Minute, 71 * time.Second, 2 * time.Minute, 4 * time.Hour} {
		wave, _ := draw(t, string(mp3test.Silence(length, 2)))
		if n := len(wave.Channels[0]); n < 250 || n > 1000 || n != len(wave.Channels[1]) {
			t.Errorf("%v: %d and %d steps", length, n, len(wave.Channels[1]))
		}
		if got := time.Duration(wave.Duration * float64(time.Second)); got < length || got > length+100*time.Millisecond {
			t.Errorf("%v lasts %v", length, got)
		}
		if slices.Max(wave.Channels[0]) != 0 {
			t.Errorf("%v of silence are %v high", length, slices.Max(wave.Channels[0]))
		}
	}
}

func TestWaveformOfNoAudio(t *testing.T) {
	t.Parallel()
	if wave, _ := draw(t, "not audio at all"); wave.Duration != 0 || len(wave.Channels) != 0 {
		t.Errorf("%+v", wave)
	}
	response, _ := request(t, &store{}, "csk_play", http.MethodGet, "/api/recordings/"+quarantined+"/waveform", "")
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a quarantined recording is drawn: %d", response.StatusCode)
	}
}
