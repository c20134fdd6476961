package twilio

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/loquent/callstream/schema"
)

// MediaPublic reports whether whoever knows the recording's address can have
// its audio without credentials. Twilio asks for them now, but leaves accounts
// that were made before as they are, until somebody enforces it in the console.
// It sends no credentials and reads no audio.
//
// A recording that is gone, or lies in the account's own storage, counts as not
// public: the answer is the same. Errors: Invalid for what is no SID;
// Unavailable when there was no answer; Corrupt or Internal when the answer
// leaves it open.
func (c *Client) MediaPublic(ctx context.Context, a schema.Account, recordingSID string) (public bool, err error) {
	start := time.Now()
	defer func() { c.metrics.observe("media_public", err, time.Since(start)) }()
	if err := schema.CheckSID("account_sid", a.AccountSID, schema.AccountPrefix); err != nil {
		return false, err
	}
	if err := schema.CheckSID("recording_sid", recordingSID, schema.RecordingPrefix); err != nil {
		return false, err
	}
	if err := checkRegion(a); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	target := c.apiOf(a).join("/2010-04-01/Accounts/" + a.AccountSID + "/Recordings/" + recordingSID + ".mp3")
	for range maxHops {
		var to *url.URL
		if public, to, err = c.askAnonymously(ctx, target); err != nil {
			return false, fmt.Errorf("ask for %s without credentials: %w", recordingSID, err)
		}
		if to == nil {
			return public, nil
		}
		target = to
	}
	return false, schema.Errorf(schema.Internal, "ask for %s without credentials: redirected more than %d times", recordingSID, maxHops)
}

// askAnonymously makes one request; to is where it was redirected, if it was.
func (c *Client) askAnonymously(ctx context.Context, target *url.URL) (public bool, to *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return false, nil, schema.Errorf(schema.Internal, "make the request: %w", err)
	}
	res, err := c.config.Transport.RoundTrip(req)
	if err != nil {
		return false, nil, broken(ctx, err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusOK:
		_, err := checkAudio(res)
		return err == nil, nil, err
	case res.StatusCode >= 300 && res.StatusCode <= 399:
		to, err := target.Parse(res.Header.Get("Location"))
		if err != nil || (!c.api.mayLeadTo(to) && !c.api.holds(to)) {
			return false, nil, schema.Errorf(schema.Internal, "redirected to where no audio is fetched from")
		}
		to.User = nil
		return false, to, nil
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden,
		res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusGone:
		return false, nil, nil
	}
	return false, nil, refused(res, nil)
}
