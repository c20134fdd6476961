package simulator

import (
	"net/http"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

var paging = []string{"PageSize", "Page", "PageToken"}

// callEndpoints are the operations on calls.
var callEndpoints = []endpoint{
	{
		"GET", "/2010-04-01/Accounts/{account}/Calls.json",
		append([]string{
			"To", "From", "ParentCallSid", "Status", "StartTime", "StartTime<", "StartTime>", "EndTime", "EndTime<", "EndTime>",
		}, paging...),
		(*Simulator).listCalls,
	},
	{"GET", "/2010-04-01/Accounts/{account}/Calls/{file}", nil, (*Simulator).fetchCall},
	{
		"GET", "/2010-04-01/Accounts/{account}/Calls/{call}/Recordings.json",
		append([]string{"DateCreated", "DateCreated<", "DateCreated>"}, paging...),
		(*Simulator).listCallRecordings,
	},
	{
		"POST", "/2010-04-01/Accounts/{account}/Calls/{call}/Recordings.json",
		[]string{
			"RecordingStatusCallbackEvent", "RecordingStatusCallback", "RecordingStatusCallbackMethod",
			"Trim", "RecordingChannels", "RecordingTrack",
		},
		(*Simulator).createCallRecording,
	},
	{
		"POST", "/2010-04-01/Accounts/{account}/Calls/{call}/Recordings/{file}",
		[]string{"Status", "PauseBehavior"},
		(*Simulator).updateCallRecording,
	},
}

// callResource is a call as the REST API shows it.
type callResource struct {
	SID             string            `json:"sid"`
	AccountSID      string            `json:"account_sid"`
	ParentCallSID   *string           `json:"parent_call_sid"`
	From            string            `json:"from"`
	FromFormatted   string            `json:"from_formatted"`
	To              string            `json:"to"`
	ToFormatted     string            `json:"to_formatted"`
	Status          schema.CallStatus `json:"status"`
	Direction       schema.Leg        `json:"direction"`
	StartTime       *string           `json:"start_time"`
	EndTime         *string           `json:"end_time"`
	Duration        *string           `json:"duration"`
	TrunkSID        *string           `json:"trunk_sid"`
	CallerName      *string           `json:"caller_name"`
	PhoneNumberSID  *string           `json:"phone_number_sid"`
	Price           *string           `json:"price"`
	PriceUnit       string            `json:"price_unit"`
	AnsweredBy      *string           `json:"answered_by"`
	ForwardedFrom   *string           `json:"forwarded_from"`
	GroupSID        *string           `json:"group_sid"`
	QueueTime       string            `json:"queue_time"`
	APIVersion      string            `json:"api_version"`
	DateCreated     string            `json:"date_created"`
	DateUpdated     string            `json:"date_updated"`
	URI             string            `json:"uri"`
	SubresourceURIs map[string]string `json:"subresource_uris"`
}

func (s *Simulator) showCall(ref legRef, now time.Time) callResource {
	c, l := ref.call, ref.leg
	status := c.statusAt(l, now)
	path := callPath(s.config.AccountSID, l.sid)
	shown := callResource{
		SID: l.sid, AccountSID: s.config.AccountSID, ParentCallSID: optional(l.parent),
		From: l.from.raw, FromFormatted: l.from.raw, To: l.to.raw, ToFormatted: l.to.raw,
		Status: status, Direction: l.direction, StartTime: optional(rfc2822(c.fact(l.start))),
		TrunkSID: optional(l.trunkSID), CallerName: optional(strings.TrimSpace(l.callerName)),
		PriceUnit: "USD", QueueTime: "0", APIVersion: apiVersion,
		DateCreated: rfc2822(c.fact(l.start)), DateUpdated: rfc2822(c.fact(l.start)),
		URI: path + ".json", SubresourceURIs: map[string]string{"recordings": path + "/Recordings.json"},
	}
	if status.Final() {
		shown.EndTime = optional(rfc2822(c.fact(l.end)))
		shown.Duration = optional(itoa(l.talk()))
		shown.DateUpdated = *shown.EndTime
	}
	return shown
}

// optional is nil for the empty string, which REST shows as null.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// findCall finds a leg that has begun; file is its SID, with .json or without.
func (s *Simulator) findCall(r *request, file string) (legRef, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref, ok := s.legs[strings.TrimSuffix(file, ".json")]
	if !ok || r.now.Before(ref.call.begins(ref.leg)) {
		return legRef{}, notFound(r.Request)
	}
	return ref, nil
}

func (s *Simulator) fetchCall(r *request) (reply, error) {
	ref, err := s.findCall(r, r.PathValue("file"))
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.showCall(ref, r.now)}, nil
}

// listCalls lists the legs that have begun, newest first.
func (s *Simulator) listCalls(r *request) (reply, error) {
	s.mu.Lock()
	var refs []legRef
	for _, c := range s.calls {
		for _, l := range c.legs {
			if !r.now.Before(c.begins(l)) {
				refs = append(refs, legRef{c, l})
			}
		}
	}
	s.mu.Unlock()
	var chosen []legRef
	for _, ref := range refs {
		ok, err := r.selectsCall(ref)
		if err != nil {
			return reply{}, err
		}
		if ok {
			chosen = append(chosen, ref)
		}
	}
	return apiPage(r, "calls", chosen, func(ref legRef) string { return listKey(ref.call.begins(ref.leg), ref.leg.sid) },
		func(ref legRef) any { return s.showCall(ref, r.now) })
}

// selectsCall applies the list's filters.
func (r *request) selectsCall(ref legRef) (bool, error) {
	for name, value := range map[string]string{
		"To": ref.leg.to.raw, "From": ref.leg.from.raw, "ParentCallSid": ref.leg.parent,
		"Status": string(ref.call.statusAt(ref.leg, r.now)),
	} {
		if want := r.params.Get(name); want != "" && want != value {
			return false, nil
		}
	}
	started, err := r.within("StartTime", ref.call.fact(ref.leg.start))
	if err != nil || !started {
		return false, err
	}
	return r.within("EndTime", ref.call.fact(ref.leg.end))
}
