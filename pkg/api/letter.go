package api

import (
	"context"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// letters are the dead letters with what became of them.
type letters interface {
	List(ctx context.Context, f schema.LetterFilter) (page []schema.LetterEntry, next string, err error)
	Show(ctx context.Context, id uint64) (schema.LetterHistory, error)
	Retry(ctx context.Context, id uint64) error
	Remove(ctx context.Context, id uint64, reason string) error
}

func (a *api) registerLetters(h huma.API) {
	huma.Register(h, route{
		id: "list-dead-letters", method: http.MethodGet, path: "/api/deadletters", permission: PermissionOperate, scope: ofHolder,
		summary: "List messages that nobody could process, newest first",
		about:   "Without a `state` those that need work: open, or being tried again. Without headers and bytes. Those that belong to no known organization only operators see.",
	}.operation(), a.listLetters)
	huma.Register(h, route{
		id: "get-dead-letter", method: http.MethodGet, path: "/api/deadletters/{letter_id}", permission: PermissionOperate, scope: ofHolder,
		summary: "One dead letter: why, what became of it, its headers and bytes, and those before and after it about the same message",
		about:   "The bytes are in `text` where they are text, otherwise as base64 in `data`. Those of the letters before it are with these letters.",
	}.operation(), a.getLetter)
	huma.Register(h, route{
		id: "retry-dead-letter", method: http.MethodPost, path: "/api/deadletters/{letter_id}/retry", permission: PermissionOperate, scope: ofHolder,
		summary: "Have one message tried again",
		about:   "It goes back to the durable that gave it up and to no other. The letter tells what comes of it: resolved, or failed again, of which a later letter tells.",
		errors:  []int{http.StatusConflict},
	}.operation(), a.retryLetter)
	huma.Register(h, route{
		id: "retry-dead-letters", method: http.MethodPost, path: "/api/deadletters/retry", permission: PermissionOperate, scope: ofHolder,
		summary: "Have all open dead letters tried again that a filter selects, newest first",
		about: "One request does 1000 of them at most and works for 20 seconds at most. When `next` is in the answer there are more: repeat the request with it as `cursor`; " +
			"for a great many use `callstream deadletters retry --all`. A repeat does nothing twice.",
		example: map[string]any{"filter": map[string]any{"consumer": "transcriber", "reason": "exhausted"}, "rate": 10},
	}.operation(), a.retryLetters)
	huma.Register(h, route{
		id: "remove-dead-letter", method: http.MethodDelete, path: "/api/deadletters/{letter_id}", permission: PermissionOperate, scope: ofHolder,
		summary: "Settle for good that one needs no work",
		about:   "It stays on record, with the reason and who gave it.",
		errors:  []int{http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
		example: map[string]any{"reason": "a test call"},
	}.operation(), a.removeLetter)
}

type listLettersInput struct {
	Consumer     string    `query:"consumer" maxLength:"64" doc:"The durable that gave it up, or ingress"`
	Reason       string    `query:"reason" maxLength:"64" doc:"Why: exhausted, undecodable, refused, ..."`
	Organization string    `query:"organization" format:"uuid" doc:"Its id"`
	Since        time.Time `query:"since" doc:"Given up at or after"`
	Until        time.Time `query:"until" doc:"Given up before"`
	State        string    `query:"state" enum:"open,retrying,resolved,failed_again,removed,any"`
	Limit        int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor       string    `query:"cursor" maxLength:"32" doc:"next of the page before"`
}

type letterPage struct {
	Body struct {
		Letters []schema.LetterEntry `json:"dead_letters"`
		Next    string               `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	}
}

// listLetters answers one page of the dead letters within the caller's reach.
func (a *api) listLetters(ctx context.Context, in *listLettersInput) (*letterPage, error) {
	org, err := within(ctx, in.Organization)
	if err != nil {
		return nil, a.problem(err)
	}
	filter := schema.LetterFilter{
		Consumer: in.Consumer, Reason: in.Reason, Organization: org, Since: in.Since, Until: in.Until, Limit: in.Limit, Cursor: in.Cursor,
	}
	if filter.All = in.State == "any"; !filter.All {
		filter.State = schema.LetterState(in.State)
	}
	page, next, err := a.Letters.List(ctx, filter)
	if err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	out := &letterPage{}
	out.Body.Letters, out.Body.Next = orEmpty(page), next
	return out, nil
}

type letterInput struct {
	ID uint64 `path:"letter_id" minimum:"1" doc:"As the list has it"`
}

// shownLetter is a dead letter as people can read it.
type shownLetter struct {
	schema.LetterHistory
	Text string `json:"text,omitempty" doc:"The original bytes, where they are text; data is absent then"`
}

type letterOutput struct {
	Body shownLetter
}

// getLetter answers everything that is known of one dead letter.
func (a *api) getLetter(ctx context.Context, in *letterInput) (*letterOutput, error) {
	letter, err := a.letter(ctx, in.ID)
	if err != nil {
		return nil, a.problemOf(err, pipelineAway)
	}
	shown := shownLetter{LetterHistory: letter}
	if utf8.Valid(letter.Data) {
		shown.Text, shown.Data = string(letter.Data), nil
	}
	for i := range shown.Earlier {
		shown.Earlier[i].Header, shown.Earlier[i].Data = nil, nil
	}
	return &letterOutput{shown}, nil
}

// letter returns a dead letter that is within the caller's reach. What is not
// looks as if it were not there.
func (a *api) letter(ctx context.Context, id uint64) (schema.LetterHistory, error) {
	letter, err := a.Letters.Show(ctx, id)
	if err == nil && reach(ctx) != "" && letter.Org != reach(ctx) {
		err = schema.Errorf(schema.NotFound, "there is no dead letter %d", id)
	}
	if err != nil {
		return schema.LetterHistory{}, err
	}
	return letter, nil
}
