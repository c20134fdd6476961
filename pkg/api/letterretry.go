package api

import (
	"context"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/loquent/callstream/schema"
)

// One request to retry a selection does so many letters, works so long, and
// asks for so many at a time.
const (
	retryMost = 1000
	retryTime = 20 * time.Second
	retryPage = 100
)

// retryLetter has one message tried again.
func (a *api) retryLetter(ctx context.Context, in *letterInput) (*struct{}, error) {
	if _, err := a.letter(ctx, in.ID); err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	if err := a.Letters.Retry(ctx, in.ID); err != nil {
		return nil, a.problemOf(retryCause(err), pipelineAway)
	}
	return nil, nil
}

// retryCause tells what became of a message that was judged again at once: that
// it is refused is no fault of the caller's key or request.
func retryCause(err error) error {
	switch schema.CodeOf(err) {
	case schema.Unauthorized, schema.Forbidden, schema.Corrupt, schema.Invalid:
		return schema.Errorf(schema.Conflict, "the message is refused again: %w", err)
	}
	return err
}

type retryLettersInput struct {
	Body struct {
		Filter struct {
			Consumer     string    `json:"consumer,omitempty" maxLength:"64"`
			Reason       string    `json:"reason,omitempty" maxLength:"64"`
			Organization string    `json:"organization,omitempty" format:"uuid"`
			Since        time.Time `json:"since,omitempty" doc:"Given up at or after"`
			Until        time.Time `json:"until,omitempty" doc:"Given up before"`
		} `json:"filter" doc:"All of them when it is empty"`
		Rate   float64 `json:"rate,omitempty" exclusiveMinimum:"0" maximum:"1000" default:"10" doc:"How many a second at most"`
		Cursor string  `json:"cursor,omitempty" maxLength:"32" doc:"next of the request before"`
	}
}

// refusedLetter is one that could not be tried again.
type refusedLetter struct {
	ID     uint64 `json:"id"`
	Detail string `json:"detail"`
}

// retriedLetters is what came of a selection.
type retriedLetters struct {
	Retried int             `json:"retried"`
	Refused []refusedLetter `json:"refused"`
	Next    string          `json:"next,omitempty" doc:"There are more: repeat the request with this as cursor"`
}

type retryLettersOutput struct {
	Body retriedLetters
}

// retryLetters has a selection tried again, as far as one request goes.
func (a *api) retryLetters(ctx context.Context, in *retryLettersInput) (*retryLettersOutput, error) {
	f := in.Body.Filter
	org, err := within(ctx, f.Organization)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &retryLettersOutput{}
	out.Body.Refused = []refusedLetter{}
	err = a.retrySelection(ctx, schema.LetterFilter{
		Consumer: f.Consumer, Reason: f.Reason, Organization: org, Since: f.Since, Until: f.Until,
		State: schema.LetterOpen, Limit: retryPage, Cursor: in.Body.Cursor,
	}, rate.NewLimiter(rate.Limit(in.Body.Rate), 1), &out.Body)
	if err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	return out, nil
}

// retrySelection goes through the open letters page by page. The error is that
// of a list, or of a dependency that is away.
func (a *api) retrySelection(ctx context.Context, f schema.LetterFilter, limit *rate.Limiter, done *retriedLetters) error {
	bounded, cancel := context.WithTimeout(ctx, retryTime)
	defer cancel()
	for {
		page, next, err := a.Letters.List(ctx, f)
		if err != nil {
			return err
		}
		for _, letter := range page {
			if done.Retried+len(done.Refused) == retryMost || limit.Wait(bounded) != nil {
				done.Next = f.Cursor
				return ctx.Err()
			}
			if err := a.retryOne(ctx, letter.ID, done); err != nil {
				return err
			}
			f.Cursor = strconv.FormatUint(letter.ID, 10)
		}
		if next == "" {
			return nil
		}
		f.Cursor = next
	}
}

// retryOne has one of a selection tried again and notes what came of it.
func (a *api) retryOne(ctx context.Context, id uint64, done *retriedLetters) error {
	err := a.Letters.Retry(ctx, id)
	switch {
	case err == nil:
		done.Retried++
	case schema.CodeOf(err) == schema.Unavailable || ctx.Err() != nil:
		return err
	default:
		_, detail := a.tell(retryCause(err), pipelineAway)
		done.Refused = append(done.Refused, refusedLetter{id, detail})
	}
	return nil
}

type removeLetterInput struct {
	ID   uint64 `path:"letter_id" minimum:"1" doc:"As the list has it"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"Why it needs no work"`
	}
}

// removeLetter settles that a dead letter needs no work.
func (a *api) removeLetter(ctx context.Context, in *removeLetterInput) (*struct{}, error) {
	if _, err := a.letter(ctx, in.ID); err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	if err := a.Letters.Remove(ctx, in.ID, in.Body.Reason); err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	return nil, nil
}
