package api_test

import (
	"context"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// The parts that an administrator works on.

func (s *store) Messages(ctx context.Context, o string, f schema.MessageFilter) ([]schema.MessageRecord, string, error) {
	s.saw(ctx, o)
	s.messages = f
	return nil, "next-page", nil
}

func (s *store) Message(ctx context.Context, o, sid string) (schema.MessageRecord, error) {
	s.saw(ctx, o)
	return schema.MessageRecord{MessageSID: sid, Status: schema.MessageDelivered}, nil
}

func (s *store) Settings(ctx context.Context, o string) (schema.Settings, error) {
	s.saw(ctx, o)
	return schema.Settings{AccountSID: "AC00000000000000000000000000000001"}, nil
}

func (s *store) ChangeSettings(ctx context.Context, o string, c schema.SettingsChange) (schema.Settings, error) {
	s.saw(ctx, o)
	s.change = c
	changed := schema.Settings{AccountSID: "AC00000000000000000000000000000001"}
	if c.RecordingEnabled != nil {
		changed.RecordingEnabled = *c.RecordingEnabled
	}
	return changed, nil
}

func (s *store) Setup(ctx context.Context, o string, kind schema.EventKind) (schema.SinkSetup, error) {
	s.saw(ctx, o)
	s.setup = append(s.setup, kind)
	if err := s.sinkErr[kind]; err != nil {
		return schema.SinkSetup{}, err
	}
	return schema.SinkSetup{Kind: kind, SinkSID: "DG00000000000000000000000000000001", Types: []string{"type"}}, nil
}

func (s *store) Update(ctx context.Context, o string, kind schema.EventKind) (schema.SinkSetup, error) {
	return s.Setup(ctx, o, kind)
}

func (s *store) Remove(ctx context.Context, o string, kind schema.EventKind, forget bool) (schema.SinkRemoval, error) {
	s.saw(ctx, o)
	if err := s.sinkErr[kind]; err != nil && !forget {
		return schema.SinkRemoval{}, err
	}
	return schema.SinkRemoval{Kind: kind, Removed: true}, nil
}

// health is the part whose method is called as one of another part's.
type health struct{ *store }

func (h health) Organization(ctx context.Context, o string, yield func(schema.Finding)) {
	h.saw(ctx, o)
	for _, f := range h.findings {
		yield(f)
	}
}

// Organization knows an id however it is written, as a database does.
func (s *store) Organization(_ context.Context, o string) (schema.Organization, error) {
	if o = strings.ToLower(o); o != org && o != otherOrg {
		return schema.Organization{}, schema.Errorf(schema.NotFound, "organization %s does not exist", o)
	}
	return schema.Organization{ID: o, Name: "Example Ltd"}, nil
}

func (s *store) RenameOrganization(ctx context.Context, o, _ string) error {
	s.saw(ctx, o)
	return nil
}

func (s *store) Organizations(context.Context) ([]schema.Organization, error) {
	return []schema.Organization{{ID: org}, {ID: otherOrg}}, nil
}

func (s *store) CreateOrganization(context.Context, string) (string, error) { return otherOrg, nil }

func (s *store) PhoneNumbers(ctx context.Context, o string) ([]schema.PhoneNumber, error) {
	s.saw(ctx, o)
	return nil, nil
}

func (s *store) AddPhoneNumber(ctx context.Context, o, number string) error {
	s.saw(ctx, o)
	s.number = number
	return nil
}

func (s *store) RemovePhoneNumber(ctx context.Context, o, number string) error {
	return s.AddPhoneNumber(ctx, o, number)
}

func (s *store) SetVoicePlan(ctx context.Context, o, number string, plan *schema.VoicePlan) error {
	s.plan = plan
	return s.AddPhoneNumber(ctx, o, number)
}

func (s *store) ConnectNumber(ctx context.Context, o, number string) (schema.PhoneNumber, error) {
	s.saw(ctx, o)
	s.number = number
	return schema.PhoneNumber{Number: number}, s.unlinked
}

func (s *store) APIKeys(ctx context.Context, o string) ([]schema.APIKey, error) {
	s.saw(ctx, o)
	return nil, nil
}

func (s *store) CreateAPIKey(ctx context.Context, o, _ string, permissions []string) (string, error) {
	s.saw(ctx, o)
	s.issued = permissions
	return "csk_new", nil
}

func (s *store) RotateAPIKey(ctx context.Context, o, _ string, grace time.Duration) (string, error) {
	s.saw(ctx, o)
	s.grace = grace
	return "csk_new", nil
}

func (s *store) RevokeAPIKey(ctx context.Context, o, _ string) error {
	s.saw(ctx, o)
	return nil
}

func (s *store) Audit(ctx context.Context, o string, e schema.AuditEntry) error {
	s.saw(ctx, o)
	if s.auditErr != nil {
		return s.auditErr
	}
	e.OrganizationID, e.Actor = o, schema.ActorOf(ctx)
	s.played = append(s.played, e)
	return nil
}

func (s *store) AuditLog(ctx context.Context, o string, _ schema.AuditFilter) ([]schema.AuditEntry, string, error) {
	s.saw(ctx, o)
	return nil, "", nil
}
