package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/loquent/callstream/schema"
)

// Error is Twilio's answer to a request that it did not fulfil. It is within
// the chain of every error that such an answer caused.
type Error struct {
	Status  int    // HTTP status
	Code    int    // Twilio's error code, see https://www.twilio.com/docs/api/errors; 0 when it gave none
	Message string // Twilio's words, shortened; never a credential

	advice  string
	meaning error // one of schema's outcomes, or nil
}

// Error tells status, code, message and, where there is something to do, what.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Twilio answered %d", e.Status)
	if e.Code != 0 {
		fmt.Fprintf(&text, " (error %d)", e.Code)
	}
	if e.Message != "" {
		text.WriteString(": " + e.Message)
	}
	if e.advice != "" {
		text.WriteString("; " + e.advice)
	}
	return text.String()
}

// Unwrap returns what the answer means to callers, as [schema.ErrCallEnded].
func (e *Error) Unwrap() error { return e.meaning }

// verdict is what a known answer means.
type verdict struct {
	code    schema.Code
	meaning error
	advice  string
}

const adviceToken = "check the account SID and auth token in the organization's Twilio settings (an API key does not do)"

// verdicts are Twilio's error codes that say more than the status they come
// with. Source: Twilio's error dictionary.
var verdicts = map[int]verdict{
	16114: {code: schema.Unavailable}, // the call is being modified, as by a SIP transfer: later it may be recorded
	20003: {code: schema.Unauthorized, advice: adviceToken},
	20404: {code: schema.NotFound},
	20429: {code: schema.RateLimited}, // too many concurrent requests; never processed
	21220: {code: schema.Refused, meaning: schema.ErrCallEnded},
	91001: {code: schema.NotFound, meaning: schema.ErrSinkNotFound},
	91003: {code: schema.Refused, advice: "an account has at most 100 sinks: remove unused ones"},
	91007: {code: schema.Conflict, meaning: schema.ErrSinkInUse},
	91102: {code: schema.NotFound},
	91104: {code: schema.Refused, meaning: schema.ErrUnknownEventType},
}

// codeMonoOnly answers a request for two channels of a recording that has one.
const codeMonoOnly = 16113

// refused reads and closes an answer that is not 2xx and returns what it
// means. Secrets are removed from its text, whatever the other side wrote.
func refused(res *http.Response, secrets []string) error {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		body = nil // the status says enough
	}
	answer := &Error{Status: res.StatusCode}
	var said struct {
		Code    json.Number `json:"code"`
		Message string      `json:"message"`
	}
	if json.Unmarshal(body, &said) == nil {
		answer.Code, _ = strconv.Atoi(said.Code.String())
		answer.Message = presentable(said.Message, secrets)
	}
	v := answer.verdict()
	answer.meaning, answer.advice = v.meaning, v.advice
	return &schema.Error{Code: v.code, RetryAfter: retryAfter(res.Header, time.Now()), Err: answer}
}

// verdict classes the answer: by Twilio's code where that says more, else by
// the status. That a sink has a subscription already is documented without a
// code for all cases, so its words have to do.
func (e *Error) verdict() verdict {
	if v, ok := verdicts[e.Code]; ok {
		return v
	}
	if strings.Contains(e.Message, "Sink") && strings.Contains(e.Message, "in use") {
		return verdicts[91007]
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return verdict{code: schema.Unauthorized, advice: adviceToken}
	case http.StatusForbidden:
		return verdict{code: schema.Unauthorized, advice: "the account may be suspended or lack the permission: see the Twilio console, and " + adviceToken}
	case http.StatusNotFound, http.StatusGone:
		return verdict{code: schema.NotFound}
	case http.StatusConflict:
		return verdict{code: schema.Conflict}
	case http.StatusTooManyRequests:
		return verdict{code: schema.RateLimited}
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return verdict{code: schema.Unavailable}
	}
	switch {
	case e.Status < 400 || e.Status > 499:
		return verdict{code: schema.Internal}
	case e.Code == 0: // Twilio gives its refusals a code: this one broke off, or is somebody else's
		return verdict{code: schema.Corrupt}
	}
	return verdict{code: schema.Refused}
}

// tokenRefused reports whether another of the account's tokens is worth a try.
func tokenRefused(err error) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.Status == http.StatusUnauthorized
}

// presentable makes the other side's words fit for a log: one line, not long,
// no secret.
func presentable(message string, secrets []string) string {
	for _, secret := range secrets {
		message = strings.ReplaceAll(message, secret, "[secret]")
	}
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, message)
	if runes := []rune(message); len(runes) > 300 {
		message = string(runes[:300]) + "…"
	}
	return message
}

// retryAfter reads the Retry-After header, seconds or a date, up to an hour.
// Twilio's core API does not document it; it is honoured where it comes.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), time.Hour)
}

// broken classes an error of the connection: there was no answer, or not all
// of it. Whether Twilio acted is unknown.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return schema.Errorf(schema.Unavailable, "no answer from Twilio: %w", ctx.Err())
	}
	return schema.Errorf(schema.Unavailable, "reach Twilio: %w", err)
}

// notTwilio is the error of a deletion's answer that Twilio does not give: 204,
// and errors with a code, are its own. A portal or a proxy on the way is not
// believed that something is gone.
func notTwilio(status int) error {
	return schema.Errorf(schema.Corrupt, "a deletion was answered with %d, not as Twilio answers: is a proxy in the way?", status)
}

// classified finds the transport's error within the library's wrapping. What
// is left has been refused by the library itself, or is a 2xx answer that it
// could not decode.
func classified(err error) error {
	var coded *schema.Error
	if errors.As(err, &coded) {
		return coded
	}
	var sent *url.Error
	if errors.As(err, &sent) {
		return schema.Errorf(schema.Unavailable, "reach Twilio: %w", sent.Err)
	}
	return schema.Errorf(schema.Corrupt, "decode Twilio's answer: %w", err)
}
