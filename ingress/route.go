package ingress

import (
	"io"
	"net/http"
)

// route is how requests to one path are read and answered.
type route struct {
	path       string
	accountSID func(body []byte) string       // whose request it says it is; empty: it does not say
	read       func(d *delivery) []verdict    // what it tells
	answer     func(http.ResponseWriter, int) // says the status
	done       int                            // the status of a request of which all is stored
}

// routes lists the paths. A call's status callback may at the same time be an
// action URL, whose answer directs a live call: it is TwiML whatever happened.
var routes = []route{
	{RouteEvents, accountOfEvents, readEvents, answerPlain, http.StatusNoContent},
	{RouteCallStatus, accountOfForm, readCallStatus, answerTwiML, http.StatusOK},
	{RouteRecording, accountOfForm, readRecording, answerPlain, http.StatusNoContent},
}

// reasons are what Twilio's debugger shows of a request that was not taken.
var reasons = map[int]string{
	http.StatusForbidden:             "The signature is not of an account that is known here.\n",
	http.StatusRequestEntityTooLarge: "The body is too large.\n",
	http.StatusTooManyRequests:       "Too many requests at a time; try again.\n",
	http.StatusServiceUnavailable:    "Not stored; try again.\n",
}

func answerPlain(w http.ResponseWriter, status int) {
	retryAfter(w, status)
	reason, ok := reasons[status]
	if ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, reason) // nobody is left to tell
}

func answerTwiML(w http.ResponseWriter, status int) {
	retryAfter(w, status)
	answerXML(w, status, "<Response/>")
}

func answerXML(w http.ResponseWriter, status int, document string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, document) //nolint:gosec // whoever writes a document escapes what is in it; nobody is left to tell of an error
}

func retryAfter(w http.ResponseWriter, status int) {
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
}
