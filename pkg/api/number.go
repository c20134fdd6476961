package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// numbers are an organization's telephone numbers.
type numbers interface {
	PhoneNumbers(ctx context.Context, org string) ([]schema.PhoneNumber, error)
	AddPhoneNumber(ctx context.Context, org, number string) error
	RemovePhoneNumber(ctx context.Context, org, number string) error
}

// voicePlans say how calls to a number are answered; nil: not by callstream.
type voicePlans interface {
	SetVoicePlan(ctx context.Context, org, number string, plan *schema.VoicePlan) error
}

// connector has Twilio send the calls of a number to callstream.
type connector interface {
	ConnectNumber(ctx context.Context, org, number string) (schema.PhoneNumber, error)
}

func (a *api) registerNumbers(h huma.API) {
	huma.Register(h, route{
		id: "list-numbers", method: http.MethodGet, path: "/api/numbers", permission: PermissionRead,
		summary: "The organization's telephone numbers, with how calls to them are answered",
		about:   "Calls of other numbers are never recorded.",
	}.operation(), a.listNumbers)
	huma.Register(h, route{
		id: "add-number", method: http.MethodPost, path: "/api/numbers", permission: PermissionUpdate,
		summary: "Give the organization a number", status: http.StatusCreated,
		about:  "A number that it has already is no error; one that another organization has is a conflict.",
		errors: []int{http.StatusConflict}, example: map[string]any{"number": "+15550001111"},
	}.operation(), a.addNumber)
	huma.Register(h, route{
		id: "remove-number", method: http.MethodDelete, path: "/api/numbers/{number}", permission: PermissionUpdate,
		summary: "Take a number away from the organization",
		about:   "Its calls are not recorded from then on. What was recorded stays.",
	}.operation(), a.removeNumber)
}

func (a *api) registerVoicePlans(h huma.API) {
	huma.Register(h, route{
		id: "set-voice-plan", method: http.MethodPut, path: "/api/numbers/{number}/voice", permission: PermissionUpdate,
		summary: "Say how calls to a number are answered",
		about:   "Takes effect with the next call. At Twilio the number's voice URL is `/twilio/voice`.",
		example: planExample,
	}.operation(), a.setVoicePlan)
	huma.Register(h, route{
		id: "remove-voice-plan", method: http.MethodDelete, path: "/api/numbers/{number}/voice", permission: PermissionUpdate,
		summary: "Answer calls to a number no longer",
		about:   "Give the number another voice URL at Twilio first: callstream does not know any more what to do with its calls.",
	}.operation(), a.removeVoicePlan)
}

func (a *api) registerConnector(h huma.API) {
	huma.Register(h, route{
		id: "connect-number", method: http.MethodPost, path: "/api/numbers/{number}/connect", permission: PermissionUpdate,
		summary: "Point a number at Twilio to callstream",
		about: "Twilio then tells callstream of the statuses of its calls and, where the number has a voice plan, asks how to answer them; " +
			"without one, whoever answers now goes on to. A repeat is safe.",
		errors: []int{http.StatusConflict},
	}.operation(), a.connectNumber)
}

var planExample = schema.VoicePlan{
	Action: schema.VoiceForward, To: "+15550002222", RingSeconds: 25, Announcement: "This call may be recorded.",
}

type numbersOutput struct {
	Body struct {
		Numbers []schema.PhoneNumber `json:"numbers"`
	}
}

// listNumbers answers the organization's numbers.
func (a *api) listNumbers(ctx context.Context, _ *struct{}) (*numbersOutput, error) {
	list, err := a.Numbers.PhoneNumbers(ctx, organization(ctx))
	if err != nil {
		return nil, a.problem(err)
	}
	out := &numbersOutput{}
	out.Body.Numbers = orEmpty(list)
	return out, nil
}

type addNumberInput struct {
	Body struct {
		Number string `json:"number" minLength:"1" maxLength:"255" doc:"In E.164, or an address as Twilio names it in calls: sip:user@host, client:name"`
	}
}

type numberOutput struct {
	Body struct {
		Number string `json:"number" doc:"As calls name it"`
	}
}

// addNumber gives the organization a number, spelled as calls spell it.
func (a *api) addNumber(ctx context.Context, in *addNumberInput) (*numberOutput, error) {
	number := schema.NormalizeNumber(in.Body.Number)
	if !schema.Dialable(number) {
		return nil, a.problem(schema.Errorf(schema.Invalid,
			"%q is not a number that calls can be told by: write it as +15550001111, sip:user@host or client:name", in.Body.Number))
	}
	if err := a.Numbers.AddPhoneNumber(ctx, organization(ctx), number); err != nil {
		return nil, a.problem(err)
	}
	out := &numberOutput{}
	out.Body.Number = number
	return out, nil
}

type numberInput struct {
	Number string `path:"number" maxLength:"255" example:"+15550001111" doc:"As the list writes it, with its plus as %2B or +"`
}

// removeNumber takes a number away.
func (a *api) removeNumber(ctx context.Context, in *numberInput) (*struct{}, error) {
	if err := a.Numbers.RemovePhoneNumber(ctx, organization(ctx), in.Number); err != nil {
		return nil, a.problem(err)
	}
	return nil, nil
}

type voicePlanInput struct {
	Number string `path:"number" maxLength:"255" example:"+15550001111" doc:"As the list writes it, with its plus as %2B or +"`
	Body   schema.VoicePlan
}

type voicePlanOutput struct {
	Body schema.VoicePlan
}

// setVoicePlan stores and answers the plan.
func (a *api) setVoicePlan(ctx context.Context, in *voicePlanInput) (*voicePlanOutput, error) {
	if err := in.Body.Validate(); err != nil {
		return nil, a.problem(err)
	}
	if err := a.VoicePlans.SetVoicePlan(ctx, organization(ctx), in.Number, &in.Body); err != nil {
		return nil, a.problem(err)
	}
	return &voicePlanOutput{in.Body}, nil
}

// removeVoicePlan leaves the number without a plan.
func (a *api) removeVoicePlan(ctx context.Context, in *numberInput) (*struct{}, error) {
	if err := a.VoicePlans.SetVoicePlan(ctx, organization(ctx), in.Number, nil); err != nil {
		return nil, a.problem(err)
	}
	return nil, nil
}

type connectedOutput struct {
	Body schema.PhoneNumber
}

// connectNumber connects the number at Twilio and answers it.
func (a *api) connectNumber(ctx context.Context, in *numberInput) (*connectedOutput, error) {
	number, err := a.Connector.ConnectNumber(ctx, organization(ctx), in.Number)
	if err != nil {
		return nil, a.problemOf(sinkCause(err), twilioAway)
	}
	return &connectedOutput{number}, nil
}
