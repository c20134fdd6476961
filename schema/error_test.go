package schema_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

func TestCodeOf(t *testing.T) {
	t.Parallel()
	inner := schema.Errorf(schema.NotFound, "call %s: %w", "CA1", context.DeadlineExceeded)
	for _, test := range []struct {
		err  error
		want schema.Code
	}{
		{nil, ""},
		{errors.New("plain"), schema.Internal},
		{inner, schema.NotFound},
		{fmt.Errorf("wrapped: %w", inner), schema.NotFound},
		{schema.Errorf(schema.Unavailable, "outer: %w", inner), schema.Unavailable},
		{errors.Join(errors.New("plain"), inner), schema.NotFound},
	} {
		if got := schema.CodeOf(test.err); got != test.want {
			t.Errorf("CodeOf(%v) = %q, want %q", test.err, got, test.want)
		}
	}
	if !errors.Is(inner, context.DeadlineExceeded) {
		t.Error("a coded error hides its cause")
	}
}

func TestRetryAfterOf(t *testing.T) {
	t.Parallel()
	asked := &schema.Error{Code: schema.RateLimited, RetryAfter: 3 * time.Second, Err: errors.New("slow down")}
	if wait, ok := schema.RetryAfterOf(fmt.Errorf("start: %w", asked)); !ok || wait != 3*time.Second {
		t.Errorf("RetryAfterOf = %v, %v, want 3s", wait, ok)
	}
	for _, err := range []error{nil, errors.New("plain"), schema.Errorf(schema.RateLimited, "no wait given")} {
		if wait, ok := schema.RetryAfterOf(err); ok {
			t.Errorf("RetryAfterOf(%v) = %v, want none", err, wait)
		}
	}
}

// However an account is printed, its tokens are not.
func TestAccountHidesItsTokens(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	account := schema.Account{OrganizationID: "7", AccountSID: accountSID, AuthTokens: []string{secret}}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("found", "account", account)
	logger.Info("found", "accounts", []schema.Account{account})
	texts := []string{
		log.String(), fmt.Sprint(account), fmt.Sprintf("%v %+v %#v %s", account, account, account, account),
		fmt.Sprintf("%#v", struct{ A schema.Account }{account}),
	}
	for _, text := range texts {
		if strings.Contains(text, secret) {
			t.Errorf("the token shows in %s", text)
		}
		if !strings.Contains(text, accountSID) {
			t.Errorf("the account does not show in %s", text)
		}
	}
}

func TestDecisionsExplainThemselves(t *testing.T) {
	t.Parallel()
	for _, rule := range []schema.Rule{
		schema.RuleTwiML, schema.RuleAlreadyRunning, schema.RuleStale, schema.RuleCallEnded, schema.RuleNumberUnknown,
		schema.RuleNoSettings, schema.RuleDisabled, schema.RuleLookupFailed, schema.RuleEnabled, schema.RuleTwilioRefused,
		schema.RuleTwilioAway,
	} {
		if text := rule.Explain(); text == string(rule) || text == "" {
			t.Errorf("rule %s is not explained", rule)
		}
	}
	if got := schema.Rule("whim").Explain(); got != "whim" {
		t.Errorf("an unknown rule explains itself as %q", got)
	}
	for outcome, final := range map[schema.Outcome]bool{
		schema.Starting: false, schema.Started: true, schema.NotStarted: true, schema.Failed: true, "": false,
	} {
		if outcome.Final() != final {
			t.Errorf("%q is final: %v", outcome, !final)
		}
	}
}
