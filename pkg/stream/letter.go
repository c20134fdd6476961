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

// The headers that only dead letters have: the account SID, which an event has
// in its subject, and the letter that was tried again.
const (
	headerAccount = "Callstream-Account"
	headerRetryOf = "Callstream-Retry-Of"
)

// letter writes a dead letter as a NATS message: the original bytes and
// headers, and beside them why it is one.
func letter(l schema.DeadLetter) *nats.Msg {
	m := nats.NewMsg(schema.DeadLetterSubject(token(l.Consumer), token(l.Reason)))
	m.Data = l.Data
	for name, values := range l.Header {
		// Nats-* are orders to the first stream, which mean something else to this one.
		if !strings.HasPrefix(name, "Nats-") && name != headerRetryOf {
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
	if l.RetryOf > 0 {
		m.Header.Set(headerRetryOf, strconv.FormatUint(l.RetryOf, 10))
	}
	return m
}

// letterID names the death of one message in one durable, so that telling it
// again after a crash between the telling and the message's end makes no second
// letter. The time of storing tells a message from one of the same sequence in
// a stream made anew. What was tried again dies another death, named by the
// letter before. What was never in CALLS is named by its bytes.
func letterID(l schema.DeadLetter) string {
	if l.Sequence > 0 {
		id := "dlq/" + l.Consumer + "/" + strconv.FormatUint(l.Sequence, 10) + "/" + strconv.FormatInt(l.Published.UnixNano(), 36)
		if l.RetryOf > 0 {
			id += "/" + strconv.FormatUint(l.RetryOf, 10)
		}
		return id
	}
	sum := sha256.Sum256(append([]byte(l.Reason+"\n"+l.Subject+"\n"), l.Data...))
	return "dlq/" + l.Consumer + "/" + hex.EncodeToString(sum[:16])
}

// readLetter is the inverse of letter, as far as it keeps everything.
func readLetter(id uint64, header nats.Header, data []byte) schema.DeadLetter {
	attempts, _ := strconv.Atoi(header.Get(schema.HeaderAttempts))
	number := func(name string) uint64 { n, _ := strconv.ParseUint(header.Get(name), 10, 64); return n }
	moment := func(name string) time.Time { t, _ := time.Parse(time.RFC3339Nano, header.Get(name)); return t }
	return schema.DeadLetter{
		ID:        id,
		Consumer:  header.Get(schema.HeaderConsumer),
		Reason:    header.Get(schema.HeaderReason),
		Error:     header.Get(schema.HeaderError),
		Attempts:  attempts,
		Subject:   header.Get(schema.HeaderSubject),
		Sequence:  number(schema.HeaderSequence),
		MsgID:     header.Get(jetstream.MsgIDHeader),
		RetryOf:   number(headerRetryOf),
		Account:   header.Get(headerAccount),
		Org:       header.Get(schema.HeaderOrg),
		FailedAt:  moment(schema.HeaderFailedAt),
		Published: moment(schema.HeaderPublished),
		Header:    header,
		Data:      data,
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
		found = append(found, readLetter(m.Sequence, m.Header, m.Data))
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
