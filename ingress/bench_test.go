package ingress_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/loquent/callstream/ingress"
)

// bench measures all that ingress does with a request, storing left out.
func bench(b *testing.B, target, contentType, body string, configure ...func(*ingress.Config)) {
	b.Helper()
	w := newWorld(b, append(configure, func(c *ingress.Config) { c.Logger = nil })...)
	signed := jsonRequest(token, target, body)
	if contentType != "" {
		signed = formRequest(token, target, body)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r := signed.Clone(b.Context())
		r.Body, _ = signed.GetBody()
		answer := httptest.NewRecorder()
		if w.ServeHTTP(answer, r); answer.Code >= http.StatusBadRequest {
			b.Fatal(answer.Code)
		}
		w.publisher.take()
	}
}

const formType = "application/x-www-form-urlencoded"

func BenchmarkCallStatus(b *testing.B) {
	bench(b, "/twilio/call-status?org="+org, formType, completed.Encode())
}

func BenchmarkRecording(b *testing.B) {
	bench(b, "/twilio/recording?org="+org, formType, processed.Encode())
}

func BenchmarkEvent(b *testing.B) {
	bench(b, eventsRoute, "", "["+cloudEvent(statusCallback+"call.completed", mirror(completed))+"]")
}

func BenchmarkEventWithoutOrganization(b *testing.B) {
	bench(b, "/twilio/events", "", "["+cloudEvent(statusCallback+"call.completed", mirror(completed))+"]")
}

func BenchmarkSummary(b *testing.B) {
	bench(b, eventsRoute, "", "["+cloudEvent(summaries+"complete", summary(unchanged))+"]")
}

// BenchmarkDecodeSummary leaves the signature out as well.
func BenchmarkDecodeSummary(b *testing.B) {
	bench(b, eventsRoute, "", "["+cloudEvent(summaries+"complete", summary(unchanged))+"]", func(c *ingress.Config) {
		c.Verify = func([]string, *http.Request, []byte) error { return nil }
	})
}
