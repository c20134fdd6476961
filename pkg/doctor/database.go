package doctor

import (
	"context"

	"github.com/loquent/callstream/schema"
)

const (
	databaseConnection topic = "database.connection"
	databaseMigrations topic = "database.migrations"
)

// checkDatabase looks whether the database answers and has all its tables.
func checkDatabase(ctx context.Context, db Database) []schema.Finding {
	if db == nil {
		return []schema.Finding{databaseConnection.warning("Set DATABASE_URL to check it.", "No database is configured here.")}
	}
	if err := db.Ping(ctx); err != nil {
		return []schema.Finding{databaseConnection.failed(adviseDatabase(err), "The database does not answer: %s.", why(err))}
	}
	answers := databaseConnection.ok("The database answers.")
	missing, err := db.MissingMigrations(ctx)
	switch {
	case err != nil:
		return []schema.Finding{answers, databaseMigrations.failed(
			"Let the user of DATABASE_URL read and write all tables of its database.",
			"The migrations cannot be read: %s.", why(err))}
	case len(missing) > 0:
		return []schema.Finding{answers, databaseMigrations.failed(
			"Run `callstream migrate up`, with every role stopped or of the new version.",
			"The database lacks %d of its migrations: %s.", len(missing), named(missing))}
	}
	return []schema.Finding{answers, databaseMigrations.ok("All migrations are applied.")}
}

func adviseDatabase(err error) string {
	if schema.CodeOf(err) == schema.Unavailable {
		return "Start PostgreSQL; check host, port, user, password and name in DATABASE_URL, and the firewall between."
	}
	return "Check DATABASE_URL."
}

const secretTokens topic = "secrets.tokens"

// checkSecrets opens every stored token. An organization whose token does not
// open has all its webhooks refused, as if they were forged.
func checkSecrets(ctx context.Context, d Directory) schema.Finding {
	if d == nil {
		return secretTokens.warning("Set DATABASE_URL and CALLSTREAM_SECRET_KEY to check them.", "No database with tokens is configured here.")
	}
	organizations, err := d.Organizations(ctx)
	if err != nil {
		return secretTokens.failed("Make the database answer first.", "The organizations cannot be listed: %s.", why(err))
	}
	var opened int
	var sealed []string
	for _, o := range organizations {
		_, err := d.AccountByOrganization(ctx, o.ID)
		switch schema.CodeOf(err) {
		case "":
			opened++
		case schema.NotFound: // it has no account yet
		case schema.Unavailable:
			return secretTokens.failed("Make the database answer first.", "The tokens cannot be read: %s.", why(err))
		default:
			sealed = append(sealed, o.ID)
		}
	}
	if len(sealed) > 0 {
		return secretTokens.failed(
			"Put the key that sealed them back into CALLSTREAM_SECRET_KEY, behind the present one and a comma; if it is lost, enter the auth tokens of these organizations again.",
			"CALLSTREAM_SECRET_KEY does not open the Twilio tokens of %d of %s: %s.", len(sealed), count(opened+len(sealed), "organization"), named(sealed))
	}
	return secretTokens.ok("CALLSTREAM_SECRET_KEY opens the Twilio tokens of %s.", count(opened, "organization"))
}
