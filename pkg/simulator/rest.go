package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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

// Handler serves Twilio's REST API, that of api.twilio.com and that of
// events.twilio.com, and the transcription API under /v1/audio, all on one
// host.
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

func endpoints() []endpoint { return slices.Concat(callEndpoints, recordingEndpoints, eventEndpoints) }

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
	if !strings.HasPrefix(e.path, "/"+apiVersion) {
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

// page is the part of a list that a request asks for.
type page[T any] struct {
	items        []T
	size, number int
	next         string // the next page's token; empty: there is none
}

// cutPage cuts the requested page out of a list, newest first by the items'
// keys. The token is the key of the page's predecessor, so that a list may
// grow at its head and shrink anywhere while it is read.
func cutPage[T any](r *request, items []T, key func(T) string) (page[T], error) {
	p := page[T]{size: 50}
	for name, number := range map[string]*int{"PageSize": &p.size, "Page": &p.number} {
		text := r.params.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return p, refuse(http.StatusBadRequest, 20001, "%s is no number: %s", name, text)
		}
		*number = n
	}
	p.size = min(max(p.size, 1), 1000)
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(key(b), key(a)) })
	if token, ok := strings.CutPrefix(r.params.Get("PageToken"), "PA"); ok {
		items = slices.DeleteFunc(items, func(item T) bool { return key(item) >= token })
	}
	if len(items) > p.size {
		items = items[:p.size]
		p.next = "PA" + key(items[p.size-1])
	}
	p.items = items
	return p, nil
}

// listKey orders things by the time at which they came to be.
func listKey(t time.Time, sid string) string { return fmt.Sprintf("%016x%s", t.UnixNano(), sid) }

// pageURI is the request's path and query with the page replaced.
func pageURI(r *request, size, number int, token string) string {
	query := r.URL.Query()
	query.Set("PageSize", itoa(size))
	query.Set("Page", itoa(number))
	query.Del("PageToken")
	if token != "" {
		query.Set("PageToken", token)
	}
	return r.URL.Path + "?" + query.Encode()
}

// apiPage is the frame of api.twilio.com's lists.
func apiPage[T any](r *request, name string, items []T, key func(T) string, show func(T) any) (reply, error) {
	p, err := cutPage(r, items, key)
	if err != nil {
		return reply{}, err
	}
	body := map[string]any{
		name: showAll(p.items, show), "page": p.number, "page_size": p.size, "start": p.number * p.size,
		"end": max(0, p.number*p.size+len(p.items)-1), "uri": r.URL.RequestURI(),
		"first_page_uri": pageURI(r, p.size, 0, ""), "next_page_uri": nil, "previous_page_uri": nil,
	}
	if p.next != "" {
		body["next_page_uri"] = pageURI(r, p.size, p.number+1, p.next)
	}
	return reply{http.StatusOK, body}, nil
}

func showAll[T any](items []T, show func(T) any) []any {
	shown := make([]any, 0, len(items))
	for _, item := range items {
		shown = append(shown, show(item))
	}
	return shown
}

// within reports whether a moment's day or time lies within the filters
// name, name< and name>, as Twilio's lists take them.
func (r *request) within(name string, t time.Time) (bool, error) {
	for suffix, holds := range map[string]func(bound, day time.Time) bool{
		"":  func(bound, day time.Time) bool { return day.Equal(bound) },
		"<": func(bound, day time.Time) bool { return !day.After(bound) },
		">": func(bound, day time.Time) bool { return !day.Before(bound) },
	} {
		text := r.params.Get(name + suffix)
		if text == "" {
			continue
		}
		bound, compared, err := parseBound(text, t)
		if err != nil {
			return false, refuse(http.StatusBadRequest, 20001, "%s%s is no date: %s", name, suffix, text)
		}
		if !holds(bound, compared) {
			return false, nil
		}
	}
	return true, nil
}

// parseBound reads a day, or a time, and brings t to the same grain.
func parseBound(text string, t time.Time) (bound, compared time.Time, err error) {
	t = t.UTC()
	if bound, err = time.Parse(time.DateOnly, text); err == nil {
		return bound, time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), nil
	}
	bound, err = time.Parse(time.RFC3339, text)
	return bound, t, err //nolint:wrapcheck // The caller says what could not be read.
}
