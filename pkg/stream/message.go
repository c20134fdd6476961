package stream

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// message writes an event as a NATS message: JSON, with the CloudEvents
// attributes as headers (binary mode) and the message id that names the fact.
func message(e schema.Event) (*nats.Msg, error) {
	meta := e.Meta()
	if err := schema.CheckSID("account", meta.AccountSID, schema.AccountPrefix); err != nil {
		return nil, err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, schema.Errorf(schema.Invalid, "encode %s: %w", e.MsgID(), err)
	}
	m := nats.NewMsg(schema.Subject(e))
	m.Data = data
	callSID, recordingSID := e.Refs()
	for name, value := range map[string]string{
		jetstream.MsgIDHeader:  e.MsgID(),
		"content-type":         "application/json",
		"ce-specversion":       "1.0",
		"ce-id":                e.MsgID(),
		"ce-type":              "callstream." + e.Kind(),
		"ce-source":            "/accounts/" + meta.AccountSID,
		"ce-subject":           firstOf(recordingSID, callSID),
		"ce-time":              timestamp(meta.OccurredAt),
		schema.HeaderCall:      callSID,
		schema.HeaderRecording: recordingSID,
		schema.HeaderOrg:       meta.OrganizationID,
	} {
		if value != "" {
			m.Header.Set(name, value)
		}
	}
	return m, nil
}

// letter writes a dead letter as a NATS message: the original bytes and
// headers, and beside them why it is one. Its id makes the second telling of
// the same death, after a crash between telling and acknowledging, no second
// letter.
func letter(l schema.DeadLetter) *nats.Msg {
	m := nats.NewMsg(schema.DeadLetterSubject(l.Consumer, l.Reason))
	m.Data = l.Data
	for name, values := range l.Header {
		if name != jetstream.MsgIDHeader && !expectation(name) {
			m.Header[name] = values
		}
	}
	for name, value := range map[string]string{
		jetstream.MsgIDHeader:  firstOf(l.MsgID, fmt.Sprintf("dlq/%s/%d", l.Consumer, l.Sequence)),
		schema.HeaderConsumer:  l.Consumer,
		schema.HeaderReason:    l.Reason,
		schema.HeaderError:     oneLine(l.Error),
		schema.HeaderAttempts:  fmt.Sprint(l.Attempts),
		schema.HeaderSubject:   l.Subject,
		schema.HeaderSequence:  fmt.Sprint(l.Sequence),
		schema.HeaderPublished: timestamp(l.Published),
		schema.HeaderFailedAt:  timestamp(l.FailedAt),
		schema.HeaderOrg:       l.Org,
	} {
		if value != "" {
			m.Header.Set(name, value)
		}
	}
	return m
}

// expectation reports headers that told the first stream how to store the
// message and mean nothing to the second.
func expectation(name string) bool {
	return len(name) > 14 && name[:14] == "Nats-Expected-"
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// errorLimit bounds an error's text in a header.
const errorLimit = 4 << 10

// oneLine makes a text fit for a header: no line breaks, bounded.
func oneLine(s string) string {
	b := []byte(s)
	if len(b) > errorLimit {
		b = b[:errorLimit]
	}
	for i, c := range b {
		if c < ' ' {
			b[i] = ' '
		}
	}
	return string(b)
}
