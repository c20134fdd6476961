package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// sinks sets an organization's event streaming up at Twilio, and ends it.
type sinks interface {
	Setup(ctx context.Context, org string, kind schema.EventKind) (schema.SinkSetup, error)
	Update(ctx context.Context, org string, kind schema.EventKind) (schema.SinkSetup, error)
	Remove(ctx context.Context, org string, kind schema.EventKind, forget bool) (schema.SinkRemoval, error)
}

func (a *api) registerSinks(h huma.API) {
	huma.Register(h, route{
		id: "setup-event-sink", method: http.MethodPost, path: "/api/twilio/setup-event-sink", permission: PermissionSinkCreate,
		summary: "Have Twilio send the account's SMS events, call events or both to callstream",
		about: "Each kind on its own: what is there already is reused, so a repeat is safe and goes on where an interrupted one stopped. " +
			"200 when all that was asked for is set up. When one of two kinds fails, the problem has the status of the first failure, SMS before calls, " +
			"`errors` with one entry for each kind that failed, and in `sms` and `call` what was done all the same.",
		errors:  []int{http.StatusConflict},
		example: map[string]any{"sms_events": true, "call_events": true},
	}.operation(), a.setupSinks)
	documentSetupProblems(h.OpenAPI())
	huma.Register(h, route{
		id: "remove-event-sink", method: http.MethodPost, path: "/api/twilio/remove-event-sink", permission: PermissionSinkDelete,
		summary: "Have Twilio send the account's events of one kind no more",
		about:   "With `forget`, what callstream stored of the sink goes even if Twilio cannot be reached or refuses; `warning` then says what is left there.",
		errors:  []int{http.StatusConflict},
		example: map[string]any{"event_type": "sms"},
	}.operation(), a.removeSink)
	huma.Register(h, route{
		id: "update-event-subscription", method: http.MethodPost, path: "/api/twilio/update-event-subscription", permission: PermissionSinkCreate,
		summary: "Bring an existing subscription's event types up to date",
		errors:  []int{http.StatusConflict},
		example: map[string]any{"event_type": "call"},
	}.operation(), a.updateSubscription)
}

// twilioAway is told when Twilio, or the database, does not answer.
const twilioAway = "Twilio, or the database, does not answer just now; what was done so far is kept: try again in a moment"

// sinkCause tells what a refusal of Twilio's means here: that the account may
// not is no fault of the caller's key.
func sinkCause(err error) error {
	switch schema.CodeOf(err) {
	case schema.Unauthorized:
		return schema.Errorf(schema.Conflict,
			"Twilio refuses the account SID and auth token of the settings; correct them with PATCH /api/twilio/settings (%w)", err)
	case schema.Forbidden:
		return schema.Errorf(schema.Refused, "Twilio does not permit the account this: %w", err)
	}
	return err
}

type setupSinksInput struct {
	Body struct {
		SMSEvents  bool `json:"sms_events,omitempty" doc:"Set up the events of messages"`
		CallEvents bool `json:"call_events,omitempty" doc:"Set up the events of calls and recordings"`
	}
}

// setups is what became of each kind that was asked for.
type setups struct {
	SMS  *schema.SinkSetup `json:"sms"`
	Call *schema.SinkSetup `json:"call"`
}

// setupProblem is the problem of a set-up of which a part failed.
type setupProblem struct {
	huma.ErrorModel
	SMS  *schema.SinkSetup `json:"sms"`
	Call *schema.SinkSetup `json:"call"`
}

// TransformSchema documents what may be null.
func (setups) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema { return eitherNull(s) }

// TransformSchema documents what may be null.
func (setupProblem) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return eitherNull(s)
}

// eitherNull says that each kind may be null, which a reference to another
// schema cannot say itself.
func eitherNull(s *huma.Schema) *huma.Schema {
	for _, kind := range []string{"sms", "call"} {
		s.Properties[kind] = &huma.Schema{
			Description: "null: not asked for, or failed",
			AnyOf:       []*huma.Schema{s.Properties[kind], {Type: "null"}},
		}
	}
	return s
}

type setupSinksOutput struct {
	Body setups
}

// setupSinks sets up the kinds that are asked for, the second also when the
// first failed: they do not depend on each other.
func (a *api) setupSinks(ctx context.Context, in *setupSinksInput) (*setupSinksOutput, error) {
	if !in.Body.SMSEvents && !in.Body.CallEvents {
		return nil, a.problem(schema.Errorf(schema.Invalid, "say what to set up: sms_events, call_events or both are to be true"))
	}
	out := &setupSinksOutput{}
	failed := &setupProblem{}
	var first error
	set := func(asked bool, kind schema.EventKind, result **schema.SinkSetup) {
		if !asked {
			return
		}
		setup, err := a.Sinks.Setup(ctx, organization(ctx), kind)
		if err == nil {
			*result = &setup
			return
		}
		err = sinkCause(err)
		code, detail := a.tell(err, twilioAway)
		if first == nil {
			first, failed.Status, failed.Title, failed.Detail = err, code, http.StatusText(code), detail
		}
		failed.Add(&huma.ErrorDetail{Location: string(kind), Message: detail})
	}
	set(in.Body.SMSEvents, schema.SMSEvents, &out.Body.SMS)
	set(in.Body.CallEvents, schema.CallEvents, &out.Body.Call)
	if first != nil {
		failed.SMS, failed.Call = out.Body.SMS, out.Body.Call
		return nil, withWait(failed, first)
	}
	return out, nil
}

// documentSetupProblems says which problems of a set-up tell what was done all
// the same.
func documentSetupProblems(doc *huma.OpenAPI) {
	form := doc.Components.Schemas.Schema(reflect.TypeFor[setupProblem](), true, "SetupProblem")
	responses := doc.Paths["/api/twilio/setup-event-sink"].Post.Responses
	for _, code := range []int{http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		responses[strconv.Itoa(code)].Content["application/problem+json"] = &huma.MediaType{Schema: form}
	}
}

type removeSinkInput struct {
	Body struct {
		EventType string `json:"event_type" enum:"sms,call"`
		Forget    bool   `json:"forget,omitempty" doc:"Forget the sink here whatever Twilio says"`
	}
}

type removeSinkOutput struct {
	Body schema.SinkRemoval
}

// removeSink ends one kind's event streaming.
func (a *api) removeSink(ctx context.Context, in *removeSinkInput) (*removeSinkOutput, error) {
	removal, err := a.Sinks.Remove(ctx, organization(ctx), schema.EventKind(in.Body.EventType), in.Body.Forget)
	if err != nil {
		return nil, a.problemOf(sinkCause(err), twilioAway)
	}
	return &removeSinkOutput{removal}, nil
}

type updateSubscriptionInput struct {
	Body struct {
		EventType string `json:"event_type" enum:"sms,call"`
	}
}

type updateSubscriptionOutput struct {
	Body schema.SinkSetup
}

// updateSubscription brings one kind's subscription up to date.
func (a *api) updateSubscription(ctx context.Context, in *updateSubscriptionInput) (*updateSubscriptionOutput, error) {
	setup, err := a.Sinks.Update(ctx, organization(ctx), schema.EventKind(in.Body.EventType))
	if err != nil {
		return nil, a.problemOf(sinkCause(err), twilioAway)
	}
	return &updateSubscriptionOutput{setup}, nil
}
