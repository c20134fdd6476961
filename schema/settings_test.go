package schema_test

import (
	"slices"
	"testing"

	"github.com/loquent/callstream/schema"
)

func TestApplyIsTheAccountAfterTheChange(t *testing.T) {
	t.Parallel()
	none, sid, region, first, second := "", "AC2", "ie1", "new1", "new2"
	old := schema.Account{AccountSID: "AC1", Edge: "dublin", AuthTokens: []string{"old1", "old2"}}
	for name, c := range map[string]struct {
		change schema.SettingsChange
		sid    string
		region string
		tokens []string
	}{
		"nothing":            {schema.SettingsChange{}, "AC1", "", []string{"old1", "old2"}},
		"all":                {schema.SettingsChange{AccountSID: &sid, Region: &region, AuthToken: &first, SecondaryAuthToken: &second}, sid, region, []string{first, second}},
		"a primary token":    {schema.SettingsChange{AuthToken: &first}, "AC1", "", []string{first, "old2"}},
		"no secondary token": {schema.SettingsChange{SecondaryAuthToken: &none}, "AC1", "", []string{"old1"}},
		"a promoted one":     {schema.SettingsChange{AuthToken: &second, SecondaryAuthToken: &none}, "AC1", "", []string{second}},
	} {
		got := c.change.Apply(old)
		if got.AccountSID != c.sid || got.Region != c.region || got.Edge != "dublin" || !slices.Equal(got.AuthTokens, c.tokens) {
			t.Errorf("%s: %s in %q with %d tokens", name, got.AccountSID, got.Region, len(got.AuthTokens))
		}
	}
	if !slices.Equal(old.AuthTokens, []string{"old1", "old2"}) {
		t.Error("the account before the change was changed")
	}
}
