package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// Change is one thing that Provision did.
type Change struct {
	Kind string `json:"kind"` // stream or durable
	Name string `json:"name"`
	What string `json:"what"` // "created", or "updated: " and the fields
}

// String returns "stream CALLS created".
func (c Change) String() string { return c.Kind + " " + c.Name + " " + c.What }

// Provision creates what is missing, brings the rest to the declaration and
// returns what it did; done twice it does nothing the second time. Several
// processes may do it at once. The error is [schema.Conflict] for what exists
// and cannot be changed in place, [schema.Invalid] for a declaration that the
// server refuses and [schema.Unavailable] when it does not answer.
func (c *Conn) Provision(ctx context.Context, s Settings, durables []Durable) ([]Change, error) {
	for _, d := range durables {
		if err := d.validate(); err != nil {
			return nil, err
		}
	}
	drift, err := c.Check(ctx, s, durables)
	if err != nil {
		return nil, err
	}
	if err := unchangeable(drift); err != nil {
		return nil, err
	}
	var changes []Change
	for _, config := range s.streams() {
		what := remedy(drift, kindStream, config.Name)
		if what == "" {
			continue
		}
		if err := c.applyStream(ctx, config, what == created); err != nil && !c.applied(ctx, s, durables, kindStream, config.Name) {
			return changes, refusal(kindStream, config.Name, err)
		}
		changes = append(changes, Change{kindStream, config.Name, what})
	}
	for _, d := range durables {
		what := remedy(drift, kindDurable, d.Name)
		if what == "" {
			continue
		}
		// An update replaces the whole configuration, so all of it is sent.
		if _, err := ask(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
			return c.js.CreateOrUpdateConsumer(ctx, schema.StreamCalls, d.config())
		}); err != nil && !c.applied(ctx, s, durables, kindDurable, d.Name) {
			return changes, refusal(kindDurable, d.Name, err)
		}
		changes = append(changes, Change{kindDurable, d.Name, what})
	}
	return changes, nil
}

// created is what Provision did about what was missing.
const created = "created"

// applyStream creates a missing stream rather than updating it first: an update
// of what another process has just created as declared would disturb the server
// while that process goes on to its durables.
func (c *Conn) applyStream(ctx context.Context, config jetstream.StreamConfig, missing bool) error {
	if missing {
		if _, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.CreateStream(ctx, config) }); !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err
		}
	}
	_, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.UpdateStream(ctx, config) })
	return err
}

// unchangeable returns an error that names every difference that an update
// cannot mend.
func unchangeable(drift []Drift) error {
	var errs []error
	for _, d := range drift {
		if d.Fixed {
			errs = append(errs, fmt.Errorf("%s; that cannot be changed in place", d))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return schema.Errorf(schema.Conflict, "%w", errors.Join(errs...))
}

// remedy returns what has to be done about name, or nothing.
func remedy(drift []Drift, kind, name string) string {
	var fields []string
	for _, d := range drift {
		switch {
		case d.Kind != kind || d.Name != name:
		case d.Field == "":
			return created
		default:
			fields = append(fields, fmt.Sprintf("%s %s (was %s)", d.Field, d.Want, d.Got))
		}
	}
	if len(fields) == 0 {
		return ""
	}
	return "updated: " + strings.Join(fields, ", ")
}

// applied reports whether name is as declared after all: another process may
// have been quicker, and ours was refused for it.
func (c *Conn) applied(ctx context.Context, s Settings, durables []Durable, kind, name string) bool {
	drift, err := c.Check(ctx, s, durables)
	return err == nil && remedy(drift, kind, name) == ""
}

func refusal(kind, name string, err error) error {
	code := schema.Unavailable
	if answered(err) {
		code = schema.Invalid
	}
	return schema.Errorf(code, "apply %s %s: %w", kind, name, err)
}
