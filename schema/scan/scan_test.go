package scan_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema/scan"
)

// texts are JSON and nearly JSON.
var texts = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `truee`, `True`, `"a"`, `"`, `"a`, `'a'`, "\"a\nb\"", "\"\x00\"", "\"\x7f\"", "\"\xff\"",
	`"\u12aF"`, `"\u12g4"`, `"\u12"`, `"\x"`, `"\"\\\/\b\f\n\r\t"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\`, `"a\`,
	`0`, `-0`, `00`, `01`, `1.`, `.1`, `1.5`, `-`, `-1`, `+1`, `1e5`, `1E+5`, `1e`, `1e-`, `1.5e-10`, `0x1`, `1 2`, `NaN`,
	`[]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1`, `]`, `[[]`, `[}`, `{]`, `[1,[2,{"a":[]}]]`,
	`{}`, `{ }`, `{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`, `{"a" : 1 , "b" : [ ] } `,
	"\t\r\n {\"a\"\n:\tnull}\r", "\v1", "\ufeff1", `{"":""}`, `{"a":{"b":{"c":"d\n"}}}`,
	strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
	strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001),
}

// agree holds the package to encoding/json.
func agree(t *testing.T, text string) {
	t.Helper()
	if got, want := scan.Valid(text), json.Valid([]byte(text)); got != want {
		t.Errorf("%.100q: valid is %v, for encoding/json %v", text, got, want)
	}
	var elements []json.RawMessage
	wantErr := json.Unmarshal([]byte(text), &elements)
	var parts []string
	if err := scan.Array(text, func(v string) error { parts = append(parts, v); return nil }); err == nil {
		if wantErr != nil {
			t.Errorf("%.100q: is an array, for encoding/json it is not: %v", text, wantErr)
		}
		for i := range elements {
			if parts[i] != string(elements[i]) {
				t.Errorf("%.100q: element %d is %q, for encoding/json %q", text, i, parts[i], elements[i])
			}
		}
	} else if elements != nil && wantErr == nil {
		t.Errorf("%.100q: is no array: %v", text, err)
	}
	agreeOnObject(t, text)
}

func agreeOnObject(t *testing.T, text string) {
	t.Helper()
	var want map[string]json.RawMessage
	wantErr := json.Unmarshal([]byte(text), &want)
	got := map[string]string{}
	if err := scan.Object(text, func(name, v string) error { got[name] = v; return nil }); err != nil {
		if want != nil && wantErr == nil {
			t.Errorf("%.100q: is no object: %v", text, err)
		}
		return
	}
	if wantErr != nil {
		t.Errorf("%.100q: is an object, for encoding/json it is not: %v", text, wantErr)
	}
	members := map[string]string{}
	for name, value := range want {
		members[name] = string(value)
	}
	if diff := cmp.Diff(members, got); diff != "" {
		t.Errorf("%.100q: members (-encoding/json +got):\n%s", text, diff)
	}
}

func TestWhatIsJSON(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		agree(t, text)
	}
}

func FuzzWhatIsJSON(f *testing.F) {
	for _, text := range texts {
		if len(text) < 1000 {
			f.Add(text)
		}
	}
	f.Fuzz(agree)
}

func TestStrings(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		if !json.Valid([]byte(text)) || !strings.HasPrefix(text, `"`) {
			if _, ok := scan.String(text); ok && json.Valid([]byte(text)) {
				t.Errorf("%.100q is a string", text)
			}
			continue
		}
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got, ok := scan.String(text); !ok || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, ok, want)
		}
	}
}

func TestTheReaderEndsTheWalk(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	seen := 0
	stop := func() error {
		if seen++; seen == 2 {
			return enough
		}
		return nil
	}
	if err := scan.Array(`[1,2,3`, func(string) error { return stop() }); !errors.Is(err, enough) {
		t.Errorf("array: %v", err)
	}
	seen = 0
	if err := scan.Object(`{"a":1,"b":2,`, func(string, string) error { return stop() }); !errors.Is(err, enough) {
		t.Errorf("object: %v", err)
	}
}

func TestValueTakesSpacesOff(t *testing.T) {
	t.Parallel()
	if got, err := scan.Value(" \n{\"a\": 1}\t"); got != `{"a": 1}` || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := scan.Value(`1 2`); err == nil {
		t.Error("two values pass for one")
	}
}

func BenchmarkObject(b *testing.B) {
	text := `{"specversion":"1.0","data":{"request":{"parameters":{` + strings.Repeat(`"CallerCity":"SAN FRANCISCO",`, 35) + `"a":1}}}}`
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := scan.Object(text, func(string, string) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
