package doctor_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/loquent/callstream/pkg/doctor"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/secrets"
	"github.com/loquent/callstream/schema"
)

// On a real database: the key that sealed a token opens it; with another key,
// and with none, the finding names the organization and its own says what to do.
func TestTokensOnADatabase(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Postgres(t)
	db := postgrestest.Open(t, url)
	org := postgrestest.Seed(t, db).OrganizationID
	if _, err := db.CreateOrganization(t.Context(), "without an account"); err != nil {
		t.Fatal(err)
	}
	expect(t, about(t, system(t, doctor.Config{Directory: db}), "secrets.tokens"), schema.SeverityOK, "1 organization")

	another, err := secrets.Parse(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	for what, options := range map[string]postgres.Options{"another key": {Sealer: another}, "no key": {}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			locked, err := postgres.Open(t.Context(), url, options)
			if err != nil {
				t.Fatal(err)
			}
			defer locked.Close()
			expect(t, about(t, system(t, doctor.Config{Directory: locked}), "secrets.tokens"), schema.SeverityFailed, org, "CALLSTREAM_SECRET_KEY")
			var found []schema.Finding
			doctor.New(doctor.Config{Settings: locked}).Organization(t.Context(), org, func(f schema.Finding) { found = append(found, f) })
			readable(t, found)
			expect(t, about(t, found, "settings.account"), schema.SeverityFailed, "CALLSTREAM_SECRET_KEY", "enter the token again")
		})
	}
}
