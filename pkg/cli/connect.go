package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/loquent/callstream/schema"
)

// lines are an organization's numbers, here and at Twilio.
type lines struct {
	*parts
	account schema.Account
	here    []schema.PhoneNumber
	there   []schema.TwilioNumber
}

// lines looks up the organization's numbers on both sides.
func (p *parts) lines(ctx context.Context, org string) (l lines, err error) {
	l.parts = p
	if l.account, err = p.db.AccountByOrganization(ctx, org); err != nil {
		return l, fmt.Errorf("look up the Twilio account: %w", err)
	}
	if l.here, err = p.db.PhoneNumbers(ctx, org); err != nil {
		return l, fmt.Errorf("list numbers: %w", err)
	}
	if l.there, err = p.twilio.ListNumbers(ctx, l.account); err != nil {
		return l, fmt.Errorf("list numbers at Twilio: %w", err)
	}
	return l, nil
}

// find returns the organization's number of that name.
func (l lines) find(name string) (schema.PhoneNumber, error) {
	number := schema.NormalizeNumber(name)
	i := slices.IndexFunc(l.here, func(n schema.PhoneNumber) bool { return n.Number == number })
	if i < 0 {
		return schema.PhoneNumber{}, schema.Errorf(schema.NotFound, "%s is not a number of the organization; add it first", number)
	}
	return l.here[i], nil
}

// connect has Twilio tell callstream of calls to the number and, where it has a
// voice plan, ask how to answer them; and writes down who did that.
func (l lines) connect(ctx context.Context, n schema.PhoneNumber) error {
	i := slices.IndexFunc(l.there, func(t schema.TwilioNumber) bool { return t.Number == n.Number })
	if i < 0 {
		return schema.Errorf(schema.Conflict, "%s is not a number of Twilio account %s; what reaches Twilio by a SIP trunk needs no connection", n.Number, l.account.AccountSID)
	}
	org := l.account.OrganizationID
	voice := l.voiceURL(org, n.Voice)
	if err := l.twilio.ConnectNumber(ctx, l.account, l.there[i].SID, voice, l.webhook("call-status", org)); err != nil {
		return fmt.Errorf("connect %s: %w", n.Number, err)
	}
	return l.db.Audit(ctx, org, schema.AuditEntry{Action: "number.connect", Target: n.Number, Detail: map[string]any{"answered": answering(n.Voice)}})
}

// connector connects numbers for the API.
type connector struct{ *parts }

// ConnectNumber connects one of the organization's numbers, and returns it.
func (c connector) ConnectNumber(ctx context.Context, org, number string) (schema.PhoneNumber, error) {
	if c.base == "" {
		return schema.PhoneNumber{}, schema.Errorf(schema.Conflict, "this process does not know where Twilio reaches callstream; start it with APP_HOST")
	}
	l, err := c.lines(ctx, org)
	if err != nil {
		return schema.PhoneNumber{}, err
	}
	n, err := l.find(number)
	if err != nil {
		return n, err
	}
	return n, l.connect(ctx, n)
}
