package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// status maps a code to what HTTP calls it.
var status = map[schema.Code]int{
	schema.Invalid:      http.StatusUnprocessableEntity,
	schema.Unauthorized: http.StatusUnauthorized,
	schema.Forbidden:    http.StatusForbidden,
	schema.NotFound:     http.StatusNotFound,
	schema.Conflict:     http.StatusConflict,
	schema.Refused:      http.StatusUnprocessableEntity,
	schema.RateLimited:  http.StatusTooManyRequests,
	schema.Unavailable:  http.StatusServiceUnavailable,
	schema.Corrupt:      http.StatusInternalServerError,
}

// The details of problems whose cause stays in the log: it may name what the
// caller must not know.
const (
	somethingWrong = "something went wrong here; the server's log has the cause"
	databaseAway   = "the database does not answer; try again in a moment"
	pipelineAway   = "the stream or the database does not answer; try again in a moment"
)

// problem turns an error into its HTTP form.
func (a *api) problem(err error) error { return a.problemOf(err, databaseAway) }

// problemOf is problem for work whose dependency, when it does not answer, is
// told of as away says.
func (a *api) problemOf(err error, away string) error {
	code, detail := a.tell(err, away)
	return withWait(huma.NewError(code, detail), err)
}

// tell returns the status and the detail of err's problem, and logs what the
// detail leaves out.
func (a *api) tell(err error, away string) (code int, detail string) {
	code, known := status[schema.CodeOf(err)]
	switch {
	case !known, code == http.StatusInternalServerError:
		a.Logger.Error("api", "error", err)
		return http.StatusInternalServerError, somethingWrong
	case code == http.StatusServiceUnavailable:
		a.Logger.Warn("api", "error", err)
		return code, away
	}
	return code, err.Error()
}

// withWait adds Retry-After to a problem whose cause asks for a wait, in whole
// seconds and never less than asked (RFC 9110 §10.2.3).
func withWait(problem, cause error) error {
	wait, ok := schema.RetryAfterOf(cause)
	if !ok {
		return problem
	}
	return huma.ErrorWithHeaders(problem, http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(wait.Seconds())))}})
}

// refuse answers err as problem+json, before there is an operation's handler.
func (a *api) refuse(h huma.API, ctx huma.Context, err error) {
	p := a.problem(err)
	var headers huma.HeadersError
	if errors.As(p, &headers) {
		for name, values := range headers.GetHeaders() {
			ctx.SetHeader(name, values[0])
		}
	}
	code, detail := http.StatusInternalServerError, somethingWrong
	var s huma.StatusError
	if errors.As(p, &s) {
		code, detail = s.GetStatus(), s.Error()
	}
	if code == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", "Bearer")
	}
	if werr := huma.WriteErr(h, ctx, code, detail); werr != nil {
		a.Logger.DebugContext(ctx.Context(), "write problem", "error", werr)
	}
}

// explain makes the problems of an input that is not as described say what is
// wrong in their detail, and takes out what was sent in the body: it may be a
// token.
func explain(_ huma.Context, _ string, answer any) (any, error) {
	problem, ok := answer.(*huma.ErrorModel)
	if !ok {
		return answer, nil
	}
	var wrong []string
	for _, e := range problem.Errors {
		if e == nil {
			continue
		}
		if !strings.HasPrefix(e.Location, "query.") && !strings.HasPrefix(e.Location, "path.") {
			e.Value = nil
		}
		if text := strings.Trim(e.Location+": "+e.Message, ": "); !slices.Contains(wrong, text) {
			wrong = append(wrong, text)
		}
	}
	if problem.Status == http.StatusUnsupportedMediaType {
		problem.Detail = "send JSON, with the header Content-Type: application/json"
	} else if len(wrong) > 0 {
		problem.Detail = fmt.Sprintf("the request is not as /api/openapi.json describes it: %s", strings.Join(wrong, "; "))
	}
	return problem, nil
}

// noOperation answers a request for a path or a method that there is not.
// handler is the router's own answer, of which only status and headers hold.
func noOperation(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	said := headOnly{header: http.Header{}, status: http.StatusNotFound}
	handler.ServeHTTP(&said, r)
	detail := fmt.Sprintf("there is no %s; /api/openapi.json lists what there is", r.URL.Path)
	if allowed := said.header.Get("Allow"); allowed != "" {
		w.Header().Set("Allow", allowed)
		detail = fmt.Sprintf("%s takes %s, not %s", r.URL.Path, allowed, r.Method)
	}
	writeProblem(w, said.status, detail)
}

// writeProblem answers a problem where no operation does.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(huma.NewError(status, detail)) // fails when the client is gone
}

// headOnly takes an answer and keeps its status and headers.
type headOnly struct {
	header http.Header
	status int
}

func (h *headOnly) Header() http.Header         { return h.header }
func (h *headOnly) WriteHeader(status int)      { h.status = status }
func (h *headOnly) Write(p []byte) (int, error) { return len(p), nil }
