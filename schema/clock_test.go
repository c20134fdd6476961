package schema_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	second := time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)
	for _, test := range []struct {
		what, in string
		want     time.Time
	}{
		{"callbacks", "Wed, 04 Mar 2026 18:15:40 +0000", second},
		{"callbacks, another zone", "Wed, 04 Mar 2026 10:15:40 -0800", second},
		{"a day without its zero", "Wed, 4 Mar 2026 18:15:40 +0000", second},
		{"no weekday", "4 Mar 2026 18:15:40 +0000", second},
		{"GMT", "Wed, 04 Mar 2026 18:15:40 GMT", second},
		{"UTC", "Wed, 04 Mar 2026 18:15:40 UTC", second},
		{"Event Streams", "2026-03-04T18:15:40.377Z", second.Add(377 * time.Millisecond)},
		{"Insights", "2026-03-04T18:15:40Z", second},
		{"RFC 3339 with a zone", "2026-03-04T19:15:40+01:00", second},
		{"a zone without its colon", "2026-03-04T19:15:40.5+0100", second.Add(500 * time.Millisecond)},
		{"a space for the T", "2026-03-04 18:15:40Z", second},
		{"spaces around it", " 2026-03-04T18:15:40Z\n", second},
		{"finer than Postgres keeps", "2026-03-04T18:15:40.123456789Z", second.Add(123456 * time.Microsecond)},
	} {
		got, ok := schema.ParseTime(test.in)
		if !ok || got != test.want {
			t.Errorf("%s: ParseTime(%q) = %v, %v, want %v", test.what, test.in, got, ok, test.want)
		}
	}
}

func TestParseTimeUnknown(t *testing.T) {
	t.Parallel()
	for what, in := range map[string]string{
		"nothing":                   "",
		"blank":                     "  ",
		"words":                     "yesterday",
		"no zone":                   "2026-03-04T18:15:40",
		"a zone of doubtful offset": "Wed, 04 Mar 2026 18:15:40 PST",
		"no such day":               "Wed, 31 Feb 2026 18:15:40 +0000",
		"the zero time":             "0001-01-01T00:00:00Z",
		"a year that JSON refuses":  "9999-12-31T23:59:59-23:00",
		"seconds of an epoch":       "1772648140",
	} {
		if got, ok := schema.ParseTime(in); ok || !got.IsZero() {
			t.Errorf("%s: ParseTime(%q) = %v, %v, want no time", what, in, got, ok)
		}
	}
}

// Whatever time is read, an event can carry it and gives it back unchanged.
func TestParseTimeSurvivesJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := fmt.Sprintf("%04d-12-%02dT%02d:59:59.%09d%+03d:30",
			rapid.IntRange(0, 9999).Draw(t, "year"), rapid.IntRange(1, 31).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"),
			rapid.IntRange(0, 999_999_999).Draw(t, "nanosecond"), rapid.IntRange(-23, 23).Draw(t, "zone"))
		read, ok := schema.ParseTime(text)
		if !ok {
			return
		}
		data, err := json.Marshal(read)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var back time.Time
		if err := json.Unmarshal(data, &back); err != nil || !back.Equal(read) {
			t.Fatalf("%s: read %v, back %v (%v)", text, read, back, err)
		}
	})
}

func TestParseSeconds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		want int
	}{
		{"0", 0}, {"13", 13}, {"37250", 37250}, {" 7 ", 7}, {"13.9", 13}, {"86400", 86400}, {"007", 7},
		{"10:20:50", 37250}, {"20:50", 1250}, {"0:00:07", 7}, {"00:59:59", 3599}, {"100:00:00", 360000}, {"90:00", 5400},
	} {
		if got, ok := schema.ParseSeconds(test.in); !ok || got != test.want {
			t.Errorf("ParseSeconds(%q) = %d, %v, want %d", test.in, got, ok, test.want)
		}
	}
	for _, in := range []string{
		"", " ", "-1", "+1", "null", "NaN", "Inf", "1e3", "0x1p4", "1_000", "2000000000", ".", "1.2.3",
		":", "1:", ":30", "1:60", "1:2:60", "1:60:00", "1:2:3:4", "-1:30", "1:-30", "70000:00:00",
	} {
		if got, ok := schema.ParseSeconds(in); ok {
			t.Errorf("ParseSeconds(%q) = %d, want unknown", in, got)
		}
	}
}

// A clock of any number of hours is the seconds it shows.
func TestParseSecondsReadsClocks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.IntRange(0, 400*3600).Draw(t, "seconds")
		clock := fmt.Sprintf("%02d:%02d:%02d", want/3600, want/60%60, want%60)
		if got, ok := schema.ParseSeconds(clock); !ok || got != want {
			t.Fatalf("ParseSeconds(%q) = %d, %v, want %d", clock, got, ok, want)
		}
	})
}
