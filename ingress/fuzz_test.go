package ingress_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/schema"
)

// trusting is a world that takes every signature for good, so that a fuzzer
// gets past it.
func trusting(t testing.TB) *world {
	return newWorld(t, func(c *ingress.Config) {
		c.Verify = func([]string, *http.Request, []byte) error { return nil }
		c.Logger = nil
	})
}

// settled fails the test unless a signed body, whatever is in it, was
// acknowledged, and all that was stored is fit to be.
func settled(t *testing.T, w *world, target, contentType, body string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Twilio-Signature", "taken for good")
	if answer := w.post(r); answer.Code != http.StatusOK && answer.Code != http.StatusNoContent {
		t.Errorf("status %d for %q", answer.Code, body)
	}
	events, letters := w.publisher.take()
	for _, event := range events {
		publishable(t, event)
	}
	for _, letter := range letters {
		if !strings.Contains(body, string(letter.Data)) || letter.MsgID == "" || strings.ContainsAny(letter.Error, "\r\n") {
			t.Errorf("dead letter %+v of %q", letter, body)
		}
	}
}

func FuzzEvents(f *testing.F) {
	for _, body := range []string{
		"", "[]", "{}", "null", `[{"type":"` + testEvent + `"}]`, "[[[", `"\u0000"`,
		cloudEvent(statusCallback+"call.answered", mirror(answered)),
		"[" + cloudEvent(short+"completed", mirror(completed)) + "," + cloudEvent(deprecated+"recording.processed", mirror(processed)) + "]",
		cloudEvent(summaries+"complete", summary(unchanged)),
		cloudEvent(summaries+"complete", jsonOf(summary(unchanged))),
		cloudEvent(messages+"sent", map[string]any{"messageSid": messageSID, "accountSid": accountSID, "from": "\xff", "body": "\x00"}),
	} {
		f.Add(body)
	}
	w := trusting(f)
	f.Fuzz(func(t *testing.T, body string) {
		settled(t, w, eventsRoute, "application/json", body)
	})
}

func FuzzCallbacks(f *testing.F) {
	for _, body := range []string{
		"", "&", "a=%", "CallSid=a;b", answered.Encode(), completed.Encode(), processed.Encode(),
		with(completed, "From", "sip:\xff\x00@x", "Timestamp", "9999-12-31T23:59:59-23:00", "CallDuration", "NaN").Encode(),
	} {
		f.Add(body)
	}
	w := trusting(f)
	const form = "application/x-www-form-urlencoded"
	f.Fuzz(func(t *testing.T, body string) {
		settled(t, w, "/twilio/call-status?org="+org, form, body)
		settled(t, w, "/twilio/recording?org="+org, form, body)
	})
}

// FuzzNormalize feeds each fact of a call alone to the normalizer.
func FuzzNormalize(f *testing.F) {
	f.Add("+15005550001", "Wed, 04 Mar 2026 18:15:40 +0000", "10:20:50", "outbound_dial", "noanswer", "José")
	f.Add("sip:a;b@C?d", "2026-03-04T18:15:40.123456789Z", "1e9", "", "completed", strings.Repeat("é", 200))
	w := trusting(f)
	f.Fuzz(func(t *testing.T, from, timestamp, duration, direction, status, name string) {
		form := with(completed, "From", from, "Timestamp", timestamp, "CallDuration", duration, "Direction", direction,
			"CallStatus", status, "CallerName", name)
		settled(t, w, "/twilio/call-status?org="+org, "application/x-www-form-urlencoded", form.Encode())
		if once := schema.NormalizeNumber(from); schema.NormalizeNumber(once) != once {
			t.Errorf("%q does not come to rest", from)
		}
	})
}

// FuzzVoice: whoever calls whom, the answer is TwiML, which records only what
// may be recorded and connects only to whom the plan or the URL says.
func FuzzVoice(f *testing.F) {
	f.Add(customer, ownNumber, "", "ringing", callSID, false)
	f.Add(`"><Record/>`, "+15005550006&lt;", "+15005550008", "in-progress", callSID, true)
	f.Add("sip:\xff\x00@x", "", "sip:a@b?x=<y>&z='\"", "", "CA/../x", false)
	f.Add("", ownNumber, "client:</Response>", "ringing", "", true)
	w := newVoiceWorld(f, func(c *ingress.Config) {
		c.Verify = func([]string, *http.Request, []byte) error { return nil }
		c.Logger = nil
	})
	f.Fuzz(func(t *testing.T, from, to, fallback, status, sid string, off bool) {
		w.phones.turn(off)
		target := "/twilio/voice?" + url.Values{"org": {org}, "fallback": {fallback}}.Encode()
		form := with(voiceForm, "From", from, "To", to, "Called", to, "CallStatus", status, "CallSid", sid)
		answer := readTwiML(t, w.post(formRequest(token, target, form.Encode())))
		if answer.records() && (off || !schema.ValidSID(sid, schema.CallPrefix)) && w.phones.decisions[sid].Outcome != schema.Started {
			t.Errorf("it records, off: %t, call %q", off, sid)
		}
		if who := answer.reaches(); who != "" && who != agent && "client:"+who != fallback && who != fallback {
			t.Errorf("it connects to %q", who)
		}
		events, letters := w.publisher.take()
		for _, event := range events {
			publishable(t, event)
		}
		for _, letter := range letters {
			if letter.MsgID == "" || strings.ContainsAny(letter.Error, "\r\n") {
				t.Errorf("dead letter %+v", letter)
			}
		}
	})
}
