package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

func (a *api) registerCalls(h huma.API) {
	huma.Register(h, route{
		id: "list-calls", method: http.MethodGet, path: "/api/calls", permission: PermissionRead,
		summary: "List calls, newest first",
	}.operation(), a.listCalls)
	huma.Register(h, route{
		id: "get-call", method: http.MethodGet, path: "/api/calls/{call_sid}", permission: PermissionRead,
		summary: "One call with its recordings, transcripts, decision and deletion receipts",
	}.operation(), a.getCall)
	huma.Register(h, route{
		id: "get-call-timeline", method: http.MethodGet, path: "/api/calls/{call_sid}/timeline", permission: PermissionRead,
		summary: "Why a call is as it is: its decision and everything that happened, in order",
	}.operation(), a.getTimeline)
}

type listCallsInput struct {
	Direction  string    `query:"direction" enum:"inbound,outbound" doc:"Seen from the organization"`
	Status     string    `query:"status" doc:"One of Twilio's REST call statuses"`
	Recorded   string    `query:"recorded" enum:"true,false" doc:"With, or without, an archived recording"`
	Rule       string    `query:"rule" doc:"What decided whether it was recorded, as a call's decision names it"`
	Transcript string    `query:"transcript" enum:"true,false" doc:"With, or without, a transcript"`
	Since      time.Time `query:"since" doc:"Started at or after"`
	Until      time.Time `query:"until" doc:"Started before"`
	Number     string    `query:"number" maxLength:"64" doc:"Either party's number, or a part of it"`
	Text       string    `query:"text" maxLength:"256" doc:"Words in the transcript"`
	Limit      int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor     string    `query:"cursor" maxLength:"256" doc:"next of the page before"`
}

type callPage struct {
	Body struct {
		Calls []schema.CallRecord `json:"calls"`
		Next  string              `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	}
}

// listCalls answers one page of the organization's calls.
func (a *api) listCalls(ctx context.Context, in *listCallsInput) (*callPage, error) {
	filter := schema.CallFilter{
		Direction:   schema.Direction(in.Direction),
		Rule:        schema.Rule(in.Rule),
		Recorded:    yesOrNo(in.Recorded),
		Transcribed: yesOrNo(in.Transcript),
		Since:       in.Since,
		Until:       in.Until,
		Number:      in.Number,
		Text:        in.Text,
		Limit:       in.Limit,
		Cursor:      in.Cursor,
	}
	if in.Status != "" {
		parsed, ok := schema.ParseCallStatus(in.Status)
		if !ok {
			return nil, a.problem(schema.Errorf(schema.Invalid, "status %q is none of %v", in.Status, schema.CallStatuses))
		}
		filter.Status = parsed
	}
	if in.Rule != "" && !slices.Contains(schema.Rules, filter.Rule) {
		return nil, a.problem(schema.Errorf(schema.Invalid, "rule %q is none of %v", in.Rule, schema.Rules))
	}
	page, next, err := a.Calls.CallRecords(ctx, organization(ctx), filter)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &callPage{}
	out.Body.Calls, out.Body.Next = orEmpty(page), next
	return out, nil
}

// yesOrNo returns nil where neither is asked for.
func yesOrNo(asked string) *bool {
	if asked == "" {
		return nil
	}
	yes := asked == "true"
	return &yes
}

type callInput struct {
	CallSID string `path:"call_sid" pattern:"^CA[0-9a-f]{32}$" doc:"Twilio's call SID"`
}

type callOutput struct {
	Body schema.CallRecord
}

// getCall answers everything that is known of one call.
func (a *api) getCall(ctx context.Context, in *callInput) (*callOutput, error) {
	record, err := a.Calls.CallRecord(ctx, organization(ctx), in.CallSID)
	if err != nil {
		return nil, a.problem(err)
	}
	return &callOutput{record}, nil
}

type timelineOutput struct {
	Body struct {
		Decision *schema.Decision       `json:"decision,omitempty"`
		Why      string                 `json:"why,omitempty" doc:"the decision's rule in words"`
		Entries  []schema.TimelineEntry `json:"entries"`
	}
}

// getTimeline answers the call's history with the decision that explains it.
func (a *api) getTimeline(ctx context.Context, in *callInput) (*timelineOutput, error) {
	org := organization(ctx)
	record, err := a.Calls.CallRecord(ctx, org, in.CallSID)
	if err != nil {
		return nil, a.problem(err)
	}
	entries, err := a.Calls.Timeline(ctx, org, in.CallSID)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &timelineOutput{}
	out.Body.Entries = orEmpty(entries)
	if d := record.Decision; d != nil {
		out.Body.Decision, out.Body.Why = d, d.Rule.Explain()
	}
	return out, nil
}
