package eventsink

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/loquent/callstream/schema"
)

// offer is what of the wanted types can be had in an account.
type offer struct {
	types   []schema.SubscribedType // in the order of the wanted
	missing []string                // types, or versions of them, that cannot be had
}

// names are the types' names.
func (o *offer) names() []string {
	names := make([]string, 0, len(o.types))
	for _, t := range o.types {
		names = append(names, t.Type)
	}
	return names
}

// without notes that a type cannot be had after all.
func (o *offer) without(eventType string) {
	o.types = slices.DeleteFunc(o.types, func(t schema.SubscribedType) bool { return t.Type == eventType })
	o.missing = append(o.missing, eventType)
}

// anyVersion notes that a type can be had, but not in the version that is
// wanted.
func (o *offer) anyVersion(eventType string) {
	for i, t := range o.types {
		if t.Type == eventType && t.Version != 0 {
			o.missing = append(o.missing, fmt.Sprintf("%s in schema version %d", t.Type, t.Version))
			o.types[i].Version = 0
		}
	}
}

// offered looks the wanted types up in Twilio's catalogue, so that nothing is
// made that cannot be used. [schema.Refused] when there is none of them.
func (e *errand) offered(ctx context.Context) (*offer, error) {
	o := &offer{}
	for _, w := range wantedTypes[e.kind] {
		name, err := e.spelling(ctx, w)
		if err != nil {
			return nil, err
		}
		if name == "" {
			o.missing = append(o.missing, w.name())
			continue
		}
		o.types = append(o.types, schema.SubscribedType{Type: name, Version: w.version})
	}
	if len(o.types) == 0 {
		return nil, schema.Errorf(schema.Refused,
			"Twilio offers account %s none of the event types of kind %s (as %s): ask Twilio's support whether Event Streams is enabled for the account",
			e.account.AccountSID, e.kind, o.missing[0])
	}
	return o, nil
}

// spelling returns the name under which a type can be subscribed to, empty
// where there is none. A deprecated name may never fire, so it is the last
// resort.
func (e *errand) spelling(ctx context.Context, w wanted) (string, error) {
	reserve := ""
	for _, name := range w.names {
		found, err := e.Twilio.FetchEventType(ctx, e.account, name)
		switch {
		case errors.Is(err, schema.ErrUnknownEventType):
			continue
		case err != nil:
			return "", err
		case found.Available():
			return name, nil
		case found.Status != "restricted" && found.Status != "discontinued" && reserve == "":
			reserve = name
		}
	}
	return reserve, nil
}

// matches reports whether types are those on offer, in whichever version.
func (o *offer) matches(types []schema.SubscribedType) bool {
	names := make([]string, 0, len(types))
	for _, t := range types {
		names = append(names, t.Type)
	}
	return slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(o.names())))
}
