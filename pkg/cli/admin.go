package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/loquent/callstream/schema"
)

// adminConfig is what the commands of administration work on: the database and
// the key that seals tokens in it.
type adminConfig struct {
	databaseConfig
	secretConfig
	localConfig
}

func (c *adminConfig) variables() map[string]*string {
	return map[string]*string{"DATABASE_URL": &c.DatabaseURL, "CALLSTREAM_SECRET_KEY": &c.SecretKey}
}

// administer opens the database, runs fn and closes what was opened.
func (c *adminConfig) administer(ctx context.Context, proc *process, fn func(*parts) error) (err error) {
	if err := c.fill("DATABASE_URL", c.variables()); err != nil {
		return err
	}
	p := newParts(proc)
	defer func() { err = joinClose(ctx, p, err) }()
	if err := p.openDatabase(ctx, c.databaseConfig, c.SecretKey); err != nil {
		return err
	}
	return fn(p)
}

// orgConfig is adminConfig for one organization.
type orgConfig struct {
	adminConfig
	Org string `name:"org" env:"CALLSTREAM_ORG" placeholder:"ID" help:"Organization, by id or name; the only one where it is left out."`
}

// administer is adminConfig's, with the organization.
func (c *orgConfig) administer(ctx context.Context, proc *process, fn func(*parts, schema.Organization) error) error {
	return c.adminConfig.administer(ctx, proc, func(p *parts) error {
		org, err := p.organization(ctx, c.Org)
		if err != nil {
			return err
		}
		return fn(p, org)
	})
}

// organization finds an organization by id or name; where nothing is named, the
// only one.
func (p *parts) organization(ctx context.Context, name string) (schema.Organization, error) {
	all, err := p.db.Organizations(ctx)
	if err != nil {
		return schema.Organization{}, fmt.Errorf("list organizations: %w", err)
	}
	found := slices.DeleteFunc(slices.Clone(all), func(o schema.Organization) bool {
		return name != "" && !strings.EqualFold(o.ID, name) && o.Name != name
	})
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(all) == 0:
		return schema.Organization{}, schema.Errorf(schema.NotFound, "there is no organization yet: callstream orgs create NAME")
	case name == "":
		return schema.Organization{}, schema.Errorf(schema.Invalid, "there are %d organizations: name one with --org; callstream orgs ls lists them", len(all))
	case len(found) == 0:
		return schema.Organization{}, schema.Errorf(schema.NotFound, "there is no organization %q; callstream orgs ls lists them", name)
	}
	return schema.Organization{}, schema.Errorf(schema.Invalid, "%d organizations are called %q: name one by its id", len(found), name)
}

// twilioAdminConfig is orgConfig for what also acts at Twilio, which is told
// callstream's own public address.
type twilioAdminConfig struct {
	orgConfig
	twilioConfig
	publicConfig
}

// administer is orgConfig's, with the client for Twilio and the public base
// URL.
func (c *twilioAdminConfig) administer(ctx context.Context, proc *process, fn func(*parts, schema.Organization) error) error {
	variables := c.variables()
	variables["TWILIO_API_URL"], variables["TWILIO_EVENTS_URL"] = &c.TwilioAPIURL, &c.TwilioEventsURL
	variables["PUBLIC_BASE_URL"] = &c.PublicBaseURL
	if err := c.fill("DATABASE_URL", variables); err != nil {
		return err
	}
	base, err := c.base()
	if err != nil {
		return err
	}
	return c.orgConfig.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		p.base = base
		if err := p.openTwilio(c.twilioConfig); err != nil {
			return err
		}
		return fn(p, org)
	})
}

// webhook returns an address below /twilio/ for the organization.
func (p *parts) webhook(route, org string, more ...string) string {
	address := p.base + "/twilio/" + route + "?org=" + url.QueryEscape(org)
	for i := 0; i+1 < len(more); i += 2 {
		address += "&" + more[i] + "=" + url.QueryEscape(more[i+1])
	}
	return address
}

// terminalActor is who runs a command, as the audit log names them.
func terminalActor() schema.Actor {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return schema.Actor("cli:" + name + "@" + host)
}

// listConfig is how a list is printed.
type listConfig struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// print prints v as JSON or, for people, rows in columns under a header.
func (c listConfig) print(w io.Writer, v any, header string, rows [][]string) error {
	if c.JSON {
		return printJSON(w, v)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, strings.ReplaceAll(header, " ", "\t"))
	for _, row := range rows {
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
