package stream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// headerAccount is a dead letter's account SID; an event has it in its subject.
const headerAccount = "Callstream-Account"

// letter writes a dead letter as a NATS message: the original bytes and
// headers, and beside them why it is one.
func letter(l schema.DeadLetter) *nats.Msg {
	m := nats.NewMsg(schema.DeadLetterSubject(token(l.Consumer), token(l.Reason)))
	m.Data = l.Data
	for name, values := range l.Header {
		if !strings.HasPrefix(name, "Nats-") { // orders to the first stream, which mean something else to this one
			m.Header[name] = values
		}
	}
	setHeaders(m, map[string]string{
		jetstream.MsgIDHeader:  cmp.Or(l.MsgID, letterID(l)),
		schema.HeaderConsumer:  l.Consumer,
		schema.HeaderReason:    l.Reason,
		schema.HeaderError:     oneLine(l.Error),
		schema.HeaderAttempts:  strconv.Itoa(l.Attempts),
		schema.HeaderSubject:   oneLine(l.Subject),
		schema.HeaderSequence:  strconv.FormatUint(l.Sequence, 10),
		schema.HeaderPublished: timestamp(l.Published),
		schema.HeaderFailedAt:  timestamp(l.FailedAt),
		schema.HeaderOrg:       oneLine(l.Org),
		headerAccount:          oneLine(l.Account),
	})
	return m
}

// letterID names the death of one message in one durable, so that telling it
// again after a crash between the telling and the message's end makes no second
// letter. The time of storing tells a message from one of the same sequence in
// a stream made anew. What was never in CALLS is named by its bytes.
func letterID(l schema.DeadLetter) string {
	if l.Sequence > 0 {
		return "dlq/" + l.Consumer + "/" + strconv.FormatUint(l.Sequence, 10) + "/" + strconv.FormatInt(l.Published.UnixNano(), 36)
	}
	sum := sha256.Sum256(append([]byte(l.Reason+"\n"+l.Subject+"\n"), l.Data...))
	return "dlq/" + l.Consumer + "/" + hex.EncodeToString(sum[:16])
}

// readLetter is the inverse of letter, as far as it keeps everything.
func readLetter(m *jetstream.RawStreamMsg) schema.DeadLetter {
	attempts, _ := strconv.Atoi(m.Header.Get(schema.HeaderAttempts))
	sequence, _ := strconv.ParseUint(m.Header.Get(schema.HeaderSequence), 10, 64)
	failedAt, _ := time.Parse(time.RFC3339Nano, m.Header.Get(schema.HeaderFailedAt))
	published, _ := time.Parse(time.RFC3339Nano, m.Header.Get(schema.HeaderPublished))
	return schema.DeadLetter{
		Consumer:  m.Header.Get(schema.HeaderConsumer),
		Reason:    m.Header.Get(schema.HeaderReason),
		Error:     m.Header.Get(schema.HeaderError),
		Attempts:  attempts,
		Subject:   m.Header.Get(schema.HeaderSubject),
		Sequence:  sequence,
		MsgID:     m.Header.Get(jetstream.MsgIDHeader),
		Account:   m.Header.Get(headerAccount),
		Org:       m.Header.Get(schema.HeaderOrg),
		FailedAt:  failedAt,
		Published: published,
		Header:    m.Header,
		Data:      m.Data,
	}
}

// DeadLetters returns how many there are. The error is [schema.Unavailable].
func (c *Conn) DeadLetters(ctx context.Context) (uint64, error) {
	letters, err := c.js.Stream(ctx, schema.StreamDeadLetters)
	if err != nil {
		return 0, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamDeadLetters, err)
	}
	return letters.CachedInfo().State.Msgs, nil
}

// LatestDeadLetters returns the newest dead letters, at most limit, newest
// first. The error is [schema.Unavailable].
func (c *Conn) LatestDeadLetters(ctx context.Context, limit int) (found []schema.DeadLetter, err error) {
	letters, err := c.js.Stream(ctx, schema.StreamDeadLetters)
	if err != nil {
		return nil, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamDeadLetters, err)
	}
	state := letters.CachedInfo().State
	for seq := state.LastSeq; seq > 0 && seq >= state.FirstSeq && len(found) < limit; seq-- {
		m, err := letters.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // removed by an operator
		}
		if err != nil {
			return nil, schema.Errorf(schema.Unavailable, "get dead letter %d: %w", seq, err)
		}
		found = append(found, readLetter(m))
	}
	return found, nil
}

// errorLimit bounds an error's text in a header, in bytes.
const errorLimit = 4 << 10

// oneLine makes a text fit for a header: no line breaks, bounded.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), errorLimit)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}
