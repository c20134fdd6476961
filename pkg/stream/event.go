package stream

import (
	"cmp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// message writes an event as a NATS message: JSON, with the CloudEvents
// attributes as headers (binary mode) and the message id that names the fact.
// The error is [schema.Invalid].
func message(e schema.Event) (*nats.Msg, error) {
	if err := check(e); err != nil {
		return nil, err
	}
	data, err := schema.Encode(e)
	if err != nil {
		return nil, err
	}
	m := nats.NewMsg(schema.Subject(e))
	m.Data = data
	meta := e.Meta()
	callSID, recordingSID := e.Refs()
	setHeaders(m, map[string]string{
		jetstream.MsgIDHeader:  e.MsgID(),
		"content-type":         "application/json",
		"ce-specversion":       "1.0",
		"ce-id":                e.MsgID(),
		"ce-type":              "callstream." + e.Kind(),
		"ce-source":            "/accounts/" + meta.AccountSID,
		"ce-subject":           cmp.Or(recordingSID, callSID),
		"ce-time":              timestamp(meta.OccurredAt),
		schema.HeaderCall:      callSID,
		schema.HeaderRecording: recordingSID,
		schema.HeaderOrg:       meta.OrganizationID,
	})
	return m, nil
}

// check keeps out what would become a wrong subject or a message id that
// several facts share: the id's scope is the whole stream, and the second fact
// would be taken for a repeat of the first.
func check(e schema.Event) error {
	if err := schema.CheckSID("account", e.Meta().AccountSID, schema.AccountPrefix); err != nil {
		return err
	}
	callSID, recordingSID := e.Refs()
	if callSID != "" {
		if err := schema.CheckSID("call", callSID, schema.CallPrefix); err != nil {
			return err
		}
	}
	if recordingSID != "" {
		if err := schema.CheckSID("recording", recordingSID, schema.RecordingPrefix); err != nil {
			return err
		}
	}
	if entity, what, _ := strings.Cut(e.Kind(), "."); !isToken(entity) || !isToken(what) {
		return schema.Errorf(schema.Invalid, "kind %q is not two subject tokens", e.Kind())
	}
	id, ok := strings.CutPrefix(e.MsgID(), e.Kind()+":")
	if !ok || id == "" || strings.HasPrefix(id, ":") {
		return schema.Errorf(schema.Invalid, "message id %q names no fact", e.MsgID())
	}
	if i := strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }); i >= 0 {
		return schema.Errorf(schema.Invalid, "message id %q has an odd character", e.MsgID())
	}
	return nil
}

// isToken reports whether s can stand between the dots of a subject.
func isToken(s string) bool { return s != "" && s == token(s) }

// token makes s fit to stand between the dots of a subject.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, s)
}

// setHeaders sets those that have a value.
func setHeaders(m *nats.Msg, headers map[string]string) {
	for name, value := range headers {
		if value != "" {
			m.Header.Set(name, value)
		}
	}
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
