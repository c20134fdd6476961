package schema_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// FuzzDecode: whatever lies in the stream is an event under its own subject,
// which survives being written and read again, or is refused as invalid.
func FuzzDecode(f *testing.F) {
	for _, e := range examples() {
		data, err := json.Marshal(e.event)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.subject, data)
	}
	f.Add("call.answered.", []byte(`null`))
	f.Add("message.sent."+accountSID, []byte(`{"status":"sent.x","account_sid":"`+accountSID+`","occurred_at":"9999-12-31T23:59:59-23:59"}`))
	f.Add("message..", []byte(`{"status":"","account_sid":""}`))
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		reread(t, subject, data)
		var header schema.Header
		if json.Unmarshal(data, &header) != nil {
			return
		}
		for _, e := range examples() { // the payload under every subject that could be its own
			reread(t, e.event.Kind()+"."+header.AccountSID, data)
		}
	})
}

// reread fails the test unless the message is refused as invalid, or is an
// event that belongs there and comes back as it was.
func reread(t *testing.T, subject string, data []byte) {
	t.Helper()
	event, err := schema.Decode(subject, data)
	if err != nil {
		if schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%q: %v", subject, err)
		}
		return
	}
	if got := schema.Subject(event); got != subject {
		t.Errorf("the event under %q belongs under %q", subject, got)
	}
	written, err := json.Marshal(event)
	if err != nil {
		t.Fatalf("write what was read: %v", err)
	}
	again, err := schema.Decode(subject, written)
	if err != nil {
		t.Fatalf("read what was written: %v: %s", err, written)
	}
	if rewritten, err := json.Marshal(again); err != nil || string(written) != string(rewritten) {
		t.Errorf("%s became %s (%v)", written, rewritten, err)
	}
}

// FuzzFacts: readers of what Twilio says as text agree with themselves.
func FuzzFacts(f *testing.F) {
	for _, s := range []string{
		"", "2026-03-04T18:15:40.123456789Z", "Wed, 04 Mar 2026 18:15:40 +0000", "9999-12-31T23:59:59-23:00", "1969-12-31T23:59:59Z",
		"10:20:50", "37250", "1e9", "1.5", "65535:59:59", "+15005550001", "00 49 (30) 1234-5", "sips:A@B;x=y?z", "client:a b", "+266696687",
		"sip:anonymous@anonymous.invalid", "CA00000000000000000000000000000001", "CA0000000000000000000000000000000/..", "outbound_dial", "no-answer",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if at, ok := schema.ParseTime(s); ok {
			again, ok := schema.ParseTime(at.Format(time.RFC3339Nano))
			if !ok || !again.Equal(at) || at.Location() != time.UTC || at.Year() < 1970 || at.Year() > 9999 {
				t.Errorf("time %q is %v, which is %v", s, at, again)
			}
		}
		if seconds, ok := schema.ParseSeconds(s); ok && (seconds < 0 || int64(seconds) > 1<<31-1) {
			t.Errorf("%q lasts %d seconds", s, seconds)
		}
		if once := schema.NormalizeNumber(s); schema.NormalizeNumber(once) != once {
			t.Errorf("number %q is %q, which is %q", s, once, schema.NormalizeNumber(once))
		}
		if schema.ValidSID(s, schema.CallPrefix) && !plain(s) {
			t.Errorf("SID %q", s)
		}
		if schema.Dialable(s) && strings.ContainsAny(s, "<>\" \r\n\x00") {
			t.Errorf("%q would be dialled", s)
		}
	})
}

// plain reports 34 letters and digits, which mean nothing to a path, a subject,
// a query or a statement.
func plain(s string) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(s) == 34
}
