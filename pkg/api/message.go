package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// messages reads what is known of SMS messages.
type messages interface {
	Messages(ctx context.Context, org string, filter schema.MessageFilter) (page []schema.MessageRecord, next string, err error)
	Message(ctx context.Context, org, messageSID string) (schema.MessageRecord, error)
}

func (a *api) registerMessages(h huma.API) {
	huma.Register(h, route{
		id: "list-messages", method: http.MethodGet, path: "/api/messages", permission: PermissionRead,
		summary: "List SMS messages, newest first",
	}.operation(), a.listMessages)
	huma.Register(h, route{
		id: "get-message", method: http.MethodGet, path: "/api/messages/{message_sid}", permission: PermissionRead,
		summary: "One SMS message",
	}.operation(), a.getMessage)
}

type listMessagesInput struct {
	Status string    `query:"status" doc:"One of Twilio's message statuses"`
	Since  time.Time `query:"since" doc:"First heard of at or after"`
	Until  time.Time `query:"until" doc:"First heard of before"`
	Number string    `query:"number" maxLength:"64" doc:"Either party's number, or a part of it"`
	Limit  int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor string    `query:"cursor" maxLength:"256" doc:"next of the page before"`
}

type messagePage struct {
	Body struct {
		Messages []schema.MessageRecord `json:"messages"`
		Next     string                 `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	}
}

// listMessages answers one page of the organization's messages.
func (a *api) listMessages(ctx context.Context, in *listMessagesInput) (*messagePage, error) {
	filter := schema.MessageFilter{Since: in.Since, Until: in.Until, Number: in.Number, Limit: in.Limit, Cursor: in.Cursor}
	if in.Status != "" {
		parsed, ok := schema.ParseMessageStatus(in.Status)
		if !ok {
			return nil, a.problem(schema.Errorf(schema.Invalid, "status %q is none of %v", in.Status, schema.MessageStatuses))
		}
		filter.Status = parsed
	}
	page, next, err := a.Messages.Messages(ctx, organization(ctx), filter)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &messagePage{}
	out.Body.Messages, out.Body.Next = orEmpty(page), next
	return out, nil
}

type messageInput struct {
	MessageSID string `path:"message_sid" pattern:"^(SM|MM)[0-9a-f]{32}$" doc:"Twilio's message SID"`
}

type messageOutput struct {
	Body schema.MessageRecord
}

// getMessage answers everything that is known of one message.
func (a *api) getMessage(ctx context.Context, in *messageInput) (*messageOutput, error) {
	record, err := a.Messages.Message(ctx, organization(ctx), in.MessageSID)
	if err != nil {
		return nil, a.problem(err)
	}
	return &messageOutput{record}, nil
}
