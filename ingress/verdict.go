package ingress

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/loquent/callstream/schema"
)

// outcome is what becomes of one thing that Twilio told.
type outcome string

// The outcomes, as the metrics name them.
const (
	stored     outcome = "stored"
	ignored    outcome = "ignored"     // known, and of no use here
	unknown    outcome = "unknown"     // a type that nobody knows
	deadLetter outcome = "dead_letter" // stored for people to look at
)

// verdict is what is made of one thing that Twilio told.
type verdict struct {
	kind    string // few distinct ones: it is a metric's label
	outcome outcome
	event   schema.Event      // of a stored one
	letter  schema.DeadLetter // of a dead letter
}

// useless is the error of a reader that understood what it read, and that
// nothing follows from it. Its text is the verdict's kind.
type useless string

func (u useless) Error() string { return "nothing follows from " + string(u) }

// delivery is a request that was proven to be the account's.
type delivery struct {
	route   string
	account schema.Account
	header  http.Header
	query   url.Values
	body    []byte
	now     time.Time
}

// judge turns what a reader made of raw into a verdict. Whatever is not the
// account's own ends as a dead letter, however well it is signed.
func (d *delivery) judge(kind, raw string, event schema.Event, err error) verdict {
	var nothing useless
	switch {
	case errors.As(err, &nothing):
		return verdict{kind: string(nothing), outcome: ignored}
	case err != nil:
		return d.undecodable(kind, raw, err)
	}
	if sid := event.Meta().AccountSID; sid != d.account.AccountSID {
		err := schema.Errorf(schema.Forbidden, "signed by %s, about a call or message of %s", d.account.AccountSID, sid)
		return d.dead(kind, schema.ReasonForeign, raw, err)
	}
	return verdict{kind: kind, outcome: stored, event: event}
}

func (d *delivery) undecodable(kind, raw string, err error) verdict {
	return d.dead(kind, schema.ReasonUndecodable, raw, err)
}

// dead keeps the bytes with all that is needed to judge them again. The message
// id names bytes and signer, so that Twilio's repeats are one dead letter and no
// account can stand in for another's.
func (d *delivery) dead(kind, reason, raw string, err error) verdict {
	sum := sha256.Sum256([]byte(raw))
	return verdict{kind: kind, outcome: deadLetter, letter: schema.DeadLetter{
		Consumer:  "ingress",
		Reason:    reason,
		Error:     shorten(err.Error()),
		Attempts:  1,
		MsgID:     reason + ":" + d.account.AccountSID + ":" + hex.EncodeToString(sum[:16]),
		Account:   d.account.AccountSID,
		Org:       d.account.OrganizationID,
		FailedAt:  d.now,
		Published: d.now,
		Header:    map[string][]string{HeaderRoute: {d.route}, "Content-Type": {shorten(d.header.Get("Content-Type"))}},
		Data:      []byte(raw),
	}}
}

// HeaderRoute is the header of ingress's dead letters that says how their bytes
// came: it names the route, and so the form of the bytes.
const HeaderRoute = "Callstream-Route"

// meta is the header of an event that this delivery tells.
func (d *delivery) meta(origin schema.Origin, source json.RawMessage) schema.Header {
	return schema.Header{
		OrganizationID: d.account.OrganizationID,
		OccurredAt:     d.now,
		Origin:         origin,
		SourceEvent:    source,
	}
}
