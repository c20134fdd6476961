package whisper_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/pkg/whisper"
	"github.com/loquent/callstream/schema"
)

func transcribe(t testing.TB, c *whisper.Client, audio []byte) (schema.Transcript, error) {
	t.Helper()
	return c.Transcribe(t.Context(), bytes.NewReader(audio), int64(len(audio)))
}

func TestShortRecording(t *testing.T) {
	t.Parallel()
	service := newDouble(t, func(w http.ResponseWriter, u upload) {
		verbose(w, u, " Hello, how can I help? My line is down.",
			segment{Start: 0, End: 2.04, Text: " Hello, how can I help?", AvgLogprob: -.2},
			segment{Start: 2.04, End: 9.9, Text: " My line is down.", AvgLogprob: -.3})
	})
	audio := mp3test.Silence(9*time.Second, 1)
	got, err := transcribe(t, newClient(t, service, nil), audio)
	if err != nil {
		t.Fatal(err)
	}
	want := schema.Transcript{
		Text: "Hello, how can I help? My line is down.", Language: "english", Model: "whisper-1", Duration: 9,
		Segments: []schema.Segment{
			{Start: 0, End: 2.04, Text: "Hello, how can I help?"},
			{Start: 2.04, End: 9, Text: "My line is down."}, // not beyond the audio
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	u := service.seen()[0]
	if u.model != "whisper-1" || u.format != "verbose_json" || u.file != "recording.mp3" || u.contentType != "audio/mpeg" || !bytes.Equal(u.audio, audio) {
		t.Errorf("the service saw model %q, format %q, file %q of type %q with %d bytes", u.model, u.format, u.file, u.contentType, len(u.audio))
	}
}

// timestamped answers each part with a segment in its last second, named by
// the part's number and with times from the part's start, as the API does.
func timestamped(w http.ResponseWriter, u upload) {
	end := u.length.Seconds()
	text := fmt.Sprintf(" part %d", u.number)
	verbose(w, u, text, segment{Start: end - 1, End: end, Text: text, AvgLogprob: -.1})
}

// A recording over the cap: every byte of audio is sent once, no request is
// too large, and the times are those of the recording.
func TestLongRecordingIsStitched(t *testing.T) {
	t.Parallel()
	// Four hours, the longest that Twilio records: three parts of up to 1:49.
	audio := mp3test.Silence(4*time.Hour, 1)
	for way, size := range map[string]int64{"announced": int64(len(audio)), "unannounced": -1} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			service := newDouble(t, timestamped)
			got, err := newClient(t, service, nil).Transcribe(t.Context(), bytes.NewReader(audio), size)
			if err != nil {
				t.Fatal(err)
			}
			var sent []byte
			var end time.Duration
			want := schema.Transcript{Text: "part 1 part 2 part 3", Language: "english", Model: "whisper-1", Duration: 14400}
			for _, u := range service.seen() {
				end += u.length
				want.Segments = append(want.Segments, schema.Segment{
					Start: (end - time.Second).Seconds(), End: end.Seconds(), Text: fmt.Sprintf("part %d", u.number),
				})
				sent = append(sent, u.audio...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if !bytes.Equal(sent, audio) || len(service.seen()) != 3 {
				t.Errorf("%d bytes in %d requests, want %d in 3", len(sent), len(service.seen()), len(audio))
			}
		})
	}
}

// At the edge of the cap the whole request counts, form and all.
func TestUploadsKeepTheCap(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	service := newDouble(t, func(w http.ResponseWriter, u upload) {
		if u.size > limit {
			t.Errorf("a request of %d bytes, may be %d", u.size, limit)
		}
		timestamped(w, u)
	})
	client := newClient(t, service, func(c *whisper.Config) { c.MaxUpload = limit })
	for frames := limit/mp3test.FrameSize - 20; frames < limit/mp3test.FrameSize+5; frames++ {
		got, err := transcribe(t, client, mp3test.Silence(time.Duration(frames)*mp3test.FrameDuration, 1))
		if err != nil || got.Duration != float64(frames)*72/1000 {
			t.Errorf("%d frames: %v seconds, %v", frames, got.Duration, err)
		}
	}
}

func TestModelsWithoutTimes(t *testing.T) {
	t.Parallel()
	for model, chunking := range map[string]string{"gpt-4o-transcribe": "", "gpt-4o-mini-transcribe": "", "gpt-4o-transcribe-diarize": "auto"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			service := newDouble(t, func(w http.ResponseWriter, u upload) {
				if u.format != "json" || u.model != model || u.chunking != chunking {
					refuse(w, http.StatusBadRequest, "unsupported_value", "response_format is not compatible with model")
					return
				}
				if u.length > 1400*time.Second {
					refuse(w, http.StatusBadRequest, "invalid_value", "audio duration is longer than 1400 seconds which is the maximum for this model")
					return
				}
				fmt.Fprintf(w, `{"text":"part %d","usage":{"type":"tokens"}}`, u.number)
			})
			client := newClient(t, service, func(c *whisper.Config) { c.Model = model })
			got, err := transcribe(t, client, mp3test.Silence(12*time.Minute, 2))
			if err != nil {
				t.Fatal(err)
			}
			// A part is as many whole frames as fit into five minutes.
			want := schema.Transcript{Text: "part 1 part 2 part 3", Model: model, Duration: 720, Segments: []schema.Segment{
				{Start: 0, End: 299.952, Text: "part 1"},
				{Start: 299.952, End: 599.904, Text: "part 2"},
				{Start: 599.904, End: 720, Text: "part 3"},
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoSpeech(t *testing.T) {
	t.Parallel()
	second := mp3test.Silence(time.Second, 1)
	for name, c := range map[string]struct {
		audio  []byte
		answer func(http.ResponseWriter, upload)
		asked  int
	}{
		"no bytes":        {nil, nil, 0},
		"under a tenth":   {mp3test.Silence(mp3test.FrameDuration, 1), nil, 0},
		"an empty answer": {second, func(w http.ResponseWriter, u upload) { verbose(w, u, "") }, 1},
		"only spaces":     {second, func(w http.ResponseWriter, u upload) { verbose(w, u, "  ", segment{End: 1, Text: " "}) }, 1},
		"made up": {second, func(w http.ResponseWriter, u upload) {
			verbose(w, u, " Thanks for watching!", segment{End: 1, Text: " Thanks for watching!", NoSpeechProb: .93, AvgLogprob: -1.4})
		}, 1},
		"too short by the service's measure": {second, func(w http.ResponseWriter, _ upload) {
			refuse(w, http.StatusBadRequest, "audio_too_short", "Audio file is too short. Minimum audio length is 0.1 seconds.")
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := newDouble(t, c.answer)
			got, err := transcribe(t, newClient(t, service, nil), c.audio)
			if err != nil || got.Text != "" || got.Segments == nil || len(got.Segments) != 0 || got.Model != "whisper-1" {
				t.Errorf("got %+v, %v", got, err)
			}
			if len(service.seen()) != c.asked {
				t.Errorf("%d requests, want %d", len(service.seen()), c.asked)
			}
		})
	}
}

// What Whisper makes up goes, what it merely doubts stays.
func TestMadeUpSegmentsAreLeftOut(t *testing.T) {
	t.Parallel()
	service := newDouble(t, func(w http.ResponseWriter, u upload) {
		verbose(w, u, " Hello. Thanks for watching! Hm. Bye.",
			segment{Start: 0, End: 1, Text: " Hello.", NoSpeechProb: .1, AvgLogprob: -.2},
			segment{Start: 1, End: 2, Text: " Thanks for watching!", NoSpeechProb: .61, AvgLogprob: -1},
			segment{Start: 2, End: 3, Text: " Hm.", NoSpeechProb: .9, AvgLogprob: -.9},
			segment{Start: 3, End: 4, Text: " Bye.", NoSpeechProb: .6, AvgLogprob: -2})
	})
	registry := prometheus.NewRegistry()
	var log bytes.Buffer
	client := newClient(t, service, func(c *whisper.Config) {
		c.Registerer = registry
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	got, err := transcribe(t, client, mp3test.Silence(4*time.Second, 1))
	if err != nil || got.Text != "Hello. Hm. Bye." || len(got.Segments) != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
	expectMetric(t, registry, "callstream_transcription_silent_segments_total", 1)
	if !strings.Contains(log.String(), "segments=1") || strings.Contains(log.String(), "watching") {
		t.Errorf("logged %q", log.String())
	}
}

// Services differ in what they give: no segments, or no text beside them.
func TestOtherServices(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"text only":     `{"text":"Hello there."}`,
		"segments only": `{"text":"","segments":[{"start":0,"end":0.5,"text":"Hello"},{"start":0.5,"end":40,"text":"there."}]}`,
		"no logprobs":   `{"text":"Hello there.","duration":1.008,"segments":[{"id":0,"start":0,"end":1.008,"text":"Hello there."}]}`,
	} {
		service := newDouble(t, func(w http.ResponseWriter, _ upload) { fmt.Fprint(w, body) })
		got, err := transcribe(t, newClient(t, service, func(c *whisper.Config) { c.Model = "Systran/faster-whisper-large-v3" }), mp3test.Silence(time.Second, 1))
		if err != nil || got.Text != "Hello there." || got.Duration != 1.008 {
			t.Errorf("%s: got %+v, %v", name, got, err)
			continue
		}
		if last := got.Segments[len(got.Segments)-1]; got.Segments[0].Start != 0 || last.End != 1.008 {
			t.Errorf("%s: got %+v", name, got.Segments)
		}
	}
}

// An encrypted account's recordings and those of other origin are WAV.
func TestWAV(t *testing.T) {
	t.Parallel()
	service := newDouble(t, func(w http.ResponseWriter, u upload) {
		if u.file != "recording.wav" || u.contentType != "audio/wav" {
			refuse(w, http.StatusBadRequest, "", "Invalid file format")
			return
		}
		fmt.Fprint(w, `{"text":"Hello.","duration":2,"segments":[{"start":0,"end":2,"text":" Hello."}]}`)
	})
	client := newClient(t, service, func(c *whisper.Config) { c.MaxUpload = 40_000 })
	wav := append([]byte("RIFF\x24\x7d\x00\x00WAVEfmt "), make([]byte, 32_000)...)
	got, err := transcribe(t, client, wav)
	if err != nil || got.Duration != 2 || len(got.Segments) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	// Beyond the cap there is no way to cut it.
	_, err = transcribe(t, client, append(wav, make([]byte, 8000)...))
	if schema.CodeOf(err) != schema.Refused {
		t.Errorf("got %v", err)
	}
}

// The audio's own trouble is neither the service's refusal nor a short call.
func TestAudioBreaksOff(t *testing.T) {
	t.Parallel()
	service := newDouble(t, timestamped)
	client := newClient(t, service, func(c *whisper.Config) { c.MaxUpload = 20_000 })
	broken := errors.New("connection reset")
	for _, whole := range [][]byte{mp3test.Silence(time.Second, 1), mp3test.Silence(10*time.Second, 1)} {
		size := int64(len(whole))
		body := func(tail io.Reader) io.Reader { return io.MultiReader(bytes.NewReader(whole[:size/2]), tail) }
		for name, c := range map[string]struct {
			audio io.Reader
			want  schema.Code
		}{
			"error":          {body(iotest.ErrReader(broken)), schema.Unavailable},
			"unexpected end": {body(iotest.ErrReader(io.ErrUnexpectedEOF)), schema.Unavailable},
			"not found":      {iotest.ErrReader(schema.Errorf(schema.NotFound, "get key")), schema.NotFound},
			"too short":      {body(strings.NewReader("")), schema.Corrupt},
			"too long":       {bytes.NewReader(append(slices.Clone(whole), 0)), schema.Corrupt},
		} {
			got, err := client.Transcribe(t.Context(), c.audio, size)
			if schema.CodeOf(err) != c.want || got.Text != "" {
				t.Errorf("%s at %d bytes: %+v, %v", name, size, got, err)
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	service := newDouble(t, func(w http.ResponseWriter, u upload) {
		if u.number == 2 {
			refuse(w, http.StatusTooManyRequests, "rate_limit_exceeded", "Rate limit reached")
			return
		}
		timestamped(w, u)
	})
	registry := prometheus.NewRegistry()
	client := newClient(t, service, func(c *whisper.Config) { c.Registerer = registry })
	again := newClient(t, service, func(c *whisper.Config) { c.Registerer = registry })
	_, _ = transcribe(t, client, mp3test.Silence(9*time.Second, 1))
	_, _ = transcribe(t, client, mp3test.Silence(9*time.Second, 1))
	_, _ = transcribe(t, again, mp3test.Silence(18*time.Second, 1))
	expectMetric(t, registry, "callstream_transcription_audio_seconds_total", 27)
	expectMetric(t, registry, "callstream_transcription_requests_total", 2, "ok")
	expectMetric(t, registry, "callstream_transcription_requests_total", 1, "rate_limited")
}

// expectMetric checks a counter, that of the given outcome where it has them.
func expectMetric(t testing.TB, registry *prometheus.Registry, name string, want float64, outcome ...string) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			if family.GetName() != name || !slices.Equal(labels, outcome) {
				continue
			}
			if got := metric.GetCounter().GetValue(); got != want {
				t.Errorf("%s%v is %v, want %v", name, outcome, got, want)
			}
			return
		}
	}
	t.Errorf("no metric %s%v", name, outcome)
}
