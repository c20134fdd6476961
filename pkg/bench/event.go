package bench

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's signature is HMAC-SHA1
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/schema"
)

// sids are call and recording SIDs that no other run makes.
type sids struct {
	run  string // 16 hex digits
	next atomic.Uint64
}

func newSIDs() *sids { return &sids{run: randomHex(8)} }

// take returns the next SID with the given prefix.
func (s *sids) take(prefix string) string {
	return fmt.Sprintf("%s%s%016x", prefix, s.run, s.next.Add(1))
}

// eventOf returns an event of Event Streams about a call, of 1.2 kB, as Twilio
// spells it.
func (w *world) eventOf(callSID, kind, status string, at time.Time) string {
	return fmt.Sprintf(`{"specversion":"1.0","type":"com.twilio.voice.status-callback.call.%s","source":"/2010-04-01/Accounts/%[2]s/Calls/%[3]s",`+
		`"id":"EZ%[3]s.%[1]s","dataschema":"https://events-schemas.twilio.com/Voice.WebhookEvent/1","datacontenttype":"application/json","time":"%[4]s",`+
		`"data":{"version":"2","timestamp":"%[4]s","product":"voice","name":"call.%[1]s","sid":"%[3]s","request":{"method":"POST",`+
		`"url":"https://calls.example.com/twilio/call-status","parameters":{"Called":"%[5]s","ToState":"CA","CallerCountry":"US","Direction":"outbound-api",`+
		`"Timestamp":"%[6]s","CallbackSource":"call-progress-events","SipResponseCode":"200","CallerState":"CA","ToZip":"94105","SequenceNumber":"2",`+
		`"CallSid":"%[3]s","To":"%[5]s","CallerZip":"94612","ToCountry":"US","CalledZip":"94105","ApiVersion":"2010-04-01","CalledCity":"SAN FRANCISCO",`+
		`"CallStatus":"%[7]s","Duration":"1","From":"%[8]s","CallDuration":"42","AccountSid":"%[2]s","CalledCountry":"US","CallerCity":"OAKLAND",`+
		`"ToCity":"SAN FRANCISCO","FromCountry":"US","Caller":"%[8]s","FromCity":"OAKLAND","CalledState":"CA","FromZip":"94612","FromState":"CA"}}}}`,
		kind, w.account.AccountSID, callSID, at.UTC().Format(time.RFC3339Nano), "+15005550006",
		at.UTC().Format(time.RFC1123Z), status, ownNumber)
}

// completed returns an event that ends a call.
func (w *world) completed(callSID string) string {
	return w.eventOf(callSID, "completed", "completed", time.Now())
}

// answered returns an event that a call was answered.
func (w *world) answered(callSID string) string {
	return w.eventOf(callSID, "answered", "in-progress", time.Now())
}

// post returns a signed request with the events, ready to be sent.
func (w *world) post(events ...string) []byte {
	body := "[" + strings.Join(events, ",") + "]"
	sum := sha256.Sum256([]byte(body))
	target := ingress.RouteEvents + "?org=" + url.QueryEscape(w.account.OrganizationID) + "&bodySHA256=" + hex.EncodeToString(sum[:])
	return w.sign(target, "application/json", body, w.base+target)
}

// sign returns a request whose signature covers text.
func (w *world) sign(target, contentType, body, text string) []byte {
	mac := hmac.New(sha1.New, []byte(w.account.AuthTokens[0]))
	mac.Write([]byte(text))
	host, _ := url.Parse(w.base) // callstream wrote it
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\nX-Home-Region: us1\r\n"+
		"I-Twilio-Idempotency-Token: %s\r\nX-Twilio-Signature: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		target, host.Host, randomHex(16), base64.StdEncoding.EncodeToString(mac.Sum(nil)), contentType, len(body), body)
}

// posts returns n signed requests of each events about different calls.
func (w *world) posts(s *sids, n, each int) [][]byte {
	requests := make([][]byte, n)
	events := make([]string, each)
	for i := range requests {
		for j := range events {
			events[j] = w.completed(s.take(schema.CallPrefix))
		}
		requests[i] = w.post(events...)
	}
	return requests
}
