package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// endpoint is one operation of Twilio's REST surface. Its parameters are
// those that Twilio's OpenAPI names, of the query and of the form alike; any
// other is refused.
type endpoint struct {
	method, path string
	params       []string
	serve        func(*Simulator, *request) (reply, error)
}

// request is a request to an endpoint: its parameters are checked, its form read.
type request struct {
	*http.Request
	params url.Values
	now    time.Time
}

// reply is an endpoint's answer.
type reply struct {
	status int
	body   any // nil: none
}

// restError is an error as Twilio answers it.
type restError struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

// Error returns the message.
func (e *restError) Error() string { return e.Message }

func refuse(status, code int, format string, args ...any) error {
	return &restError{
		Code: code, Message: fmt.Sprintf(format, args...), Status: status,
		MoreInfo: "https://www.twilio.com/docs/errors/" + itoa(code),
	}
}

func notFound(r *http.Request) error {
	return refuse(http.StatusNotFound, 20404, "The requested resource %s was not found", r.URL.Path)
}

// Handler serves Twilio's REST APIs, those of api.twilio.com, events.twilio.com
// and insights.twilio.com, and the transcription API under /v1/audio, all on
// one host.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, e := range endpoints() {
		mux.Handle(e.method+" "+e.path, s.endpointHandler(e))
	}
	mux.HandleFunc("GET /"+apiVersion+"/Accounts/{account}/Recordings/{file}", s.serveRecordingFile)
	mux.HandleFunc("POST /v1/audio/transcriptions", s.serveTranscription)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { writeError(w, notFound(r)) })
	return mux
}

func endpoints() []endpoint {
	return slices.Concat(callEndpoints, recordingEndpoints, eventEndpoints, accountEndpoints, numberEndpoints)
}

func (s *Simulator) endpointHandler(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.authenticate(r); err != nil {
			writeError(w, err)
			return
		}
		params, err := e.check(r)
		if err != nil {
			writeError(w, err)
			return
		}
		fault := s.nextRESTFault(r, e)
		if fault > 0 {
			spoil(w, fault)
			return
		}
		answer, err := e.serve(s, &request{Request: r, params: params, now: time.Now()})
		if fault == answerLost {
			panic(http.ErrAbortHandler) // Done, and nobody hears of it.
		}
		if err != nil {
			writeError(w, err)
			return
		}
		writeReply(w, answer)
	})
}

// authenticate checks the Basic credentials, and that the path's account is
// theirs.
func (s *Simulator) authenticate(r *http.Request) error {
	user, password, ok := r.BasicAuth()
	ok = ok && user == s.config.AccountSID && subtle.ConstantTimeCompare([]byte(password), []byte(s.config.AuthToken)) == 1
	if account := r.PathValue("account"); account != "" && account != s.config.AccountSID {
		ok = false
	}
	if !ok {
		return refuse(http.StatusUnauthorized, 20003, "Authenticate")
	}
	return nil
}

// check reads the parameters and refuses one that the operation does not have.
func (e endpoint) check(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, refuse(http.StatusBadRequest, 20001, "The request cannot be read: %s", err)
	}
	for name := range r.Form {
		if !slices.Contains(e.params, name) {
			return nil, refuse(http.StatusBadRequest, 20001, "Unknown parameter: %s", name)
		}
	}
	return r.Form, nil
}

// answerLost is the fault of an operation that is carried out, but whose
// answer never arrives.
const answerLost = -1

// nextRESTFault returns what goes wrong with a request: a status, answerLost,
// or 0 for nothing. Only the first requests to a call or a recording are met
// by faults. Settings are left alone: they are made by people, who wait.
func (s *Simulator) nextRESTFault(r *http.Request, e endpoint) int {
	if !strings.Contains(e.path, "/Calls") && !strings.Contains(e.path, "/Recordings") {
		return 0
	}
	key := r.Method + " " + r.URL.Path
	s.mu.Lock()
	seen := s.faults[key]
	s.faults[key]++
	s.mu.Unlock()
	row := s.restFaults(key)
	if seen >= len(row) {
		return 0
	}
	return row[seen]
}

// restFaults draws what happens to the first requests to a resource, to three
// at most.
func (s *Simulator) restFaults(key string) []int {
	var row []int
	dice := newDice(s.config.Seed, "rest", key)
	if happens(dice, s.config.Faults.RateLimit) {
		row = append(row, slices.Repeat([]int{http.StatusTooManyRequests}, between(dice, 1, 2))...)
	}
	if happens(dice, s.config.Faults.Errors) {
		row = append(row, pick(dice, http.StatusInternalServerError, http.StatusServiceUnavailable, answerLost))
	}
	return row
}

// spoil answers with a fault: 429 with and without a wait, 503 in JSON, 500 as
// a page.
func spoil(w http.ResponseWriter, status int) {
	w.Header().Set("Twilio-Concurrent-Requests", "100")
	switch status {
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		writeError(w, refuse(status, 20429, "Too Many Requests"))
	case http.StatusServiceUnavailable:
		writeError(w, refuse(status, 20503, "Service Unavailable"))
	default:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body><h1>500 Internal Server Error</h1></body></html>"))
	}
}

func writeReply(w http.ResponseWriter, answer reply) {
	if answer.body == nil {
		w.WriteHeader(answer.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	_ = json.NewEncoder(w).Encode(answer.body)
}

func writeError(w http.ResponseWriter, err error) {
	var rest *restError
	if !errors.As(err, &rest) {
		rest = &restError{Code: 20500, Message: err.Error(), Status: http.StatusInternalServerError}
	}
	writeReply(w, reply{rest.Status, rest})
}
