package whisper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sashabaranov/go-openai"

	"github.com/loquent/callstream/schema"
)

// quotaWait is how long to leave a service alone whose account has no credit:
// that is not over in the minute that a rate limit is.
const quotaWait = 30 * time.Minute

// errNoTranscript stands for whatever decoding said, which can quote the text.
var errNoTranscript = errors.New("the service's answer is no transcript; check OPENAI_BASE_URL")

// refusal is an answer that is no transcript.
type refusal struct {
	status  int
	code    string // OpenAI's, as audio_too_short
	message string
}

// Error names status, code and the beginning of the message.
func (r *refusal) Error() string {
	text := fmt.Sprintf("%d %s", r.status, http.StatusText(r.status))
	if r.code != "" {
		text += " " + r.code
	}
	if r.message != "" {
		text += fmt.Sprintf(": %.200s", r.message)
	}
	return text
}

// classify gives an error of go-openai's its code. Its texts are not passed on
// where they can hold a whole page.
func classify(err error, seen *answer) error {
	switch {
	case err == nil && !seen.noText:
		return nil
	case seen.status == 0 && errors.Is(err, context.DeadlineExceeded):
		return fail(schema.Unavailable, seen, "no answer in time", err)
	case seen.status == 0:
		return fail(schema.Unavailable, seen, "", err)
	case seen.status < http.StatusMultipleChoices:
		return fail(schema.Unavailable, seen, "", errNoTranscript)
	}
	cause := newRefusal(err, seen.status)
	if exhausted(cause.code) {
		seen.retryAfter = max(seen.retryAfter, quotaWait)
		return fail(schema.RateLimited, seen, "the account at the transcription service has no credit left", cause)
	}
	code, advice := advise(cause)
	if code == schema.Unauthorized {
		cause.message = "" // OpenAI repeats some of the key in it
	}
	return fail(code, seen, advice, cause)
}

func newRefusal(err error, status int) *refusal {
	r := &refusal{status: status}
	var told *openai.APIError
	if errors.As(err, &told) {
		r.message = told.Message
		if told.Code != nil {
			r.code = fmt.Sprintf("%.60v", told.Code)
		}
		r.code = cmp.Or(r.code, told.Type)
	}
	return r
}

// exhausted reports whether waiting helps only once somebody has paid.
func exhausted(code string) bool {
	return code == "insufficient_quota" || code == "billing_hard_limit_reached" || code == "billing_not_active"
}

// advise is the table from the service's answers to our codes. What a person
// has to correct is not schema.Refused: the audio is fine, and its message
// should wait.
func advise(r *refusal) (schema.Code, string) {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return schema.Unauthorized, "the transcription service refuses the key; check OPENAI_API_KEY"
	case http.StatusNotFound:
		if r.code == "model_not_found" {
			return schema.Forbidden, "the transcription service has no such model for this key; check WHISPER_MODEL"
		}
		return schema.Unavailable, "nothing answers under this URL; check OPENAI_BASE_URL, which ends in /v1"
	case http.StatusTooManyRequests:
		return schema.RateLimited, ""
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly:
		return schema.Unavailable, ""
	case http.StatusInternalServerError:
		return schema.Internal, ""
	}
	switch {
	case r.status < http.StatusBadRequest:
		return schema.Invalid, "the transcription service redirects; set OPENAI_BASE_URL to where it is"
	case r.status < http.StatusInternalServerError:
		return schema.Refused, ""
	}
	return schema.Unavailable, ""
}

func fail(code schema.Code, seen *answer, advice string, err error) error {
	if advice != "" {
		err = fmt.Errorf("%s: %w", advice, err)
	}
	return &schema.Error{Code: code, RetryAfter: seen.retryAfter, Err: fmt.Errorf("transcribe: %w", err)}
}
