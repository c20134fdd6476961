package twilio

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/loquent/callstream/schema"
)

// LatestRecording returns the account's newest recording, nil when it has none.
// Twilio has no call that tells how an account's recordings are stored; a
// recording tells it.
func (c *Client) LatestRecording(ctx context.Context, a schema.Account) (*schema.LatestMedia, error) {
	params := (&api.ListRecordingParams{}).SetPageSize(1).SetLimit(1)
	listed, err := call(ctx, c, a, "list_recordings", func(h *client.RequestHandler) ([]api.ApiV2010Recording, error) {
		return api.NewApiService(h).ListRecording(params)
	})
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	if len(listed) == 0 {
		return nil, nil //nolint:nilnil // an account without recordings is no error
	}
	r := &listed[0]
	return &schema.LatestMedia{
		Recording: recordingFacts(r),
		Encrypted: r.EncryptionDetails != nil && *r.EncryptionDetails != nil,
		External:  c.elsewhere(value(r.MediaUrl)),
	}, nil
}

// elsewhere reports whether a recording's media_url is on a host that is not
// Twilio's, as it is for accounts that store recordings in a bucket of their
// own. No media_url is none.
func (c *Client) elsewhere(mediaURL string) bool {
	u, err := url.Parse(mediaURL)
	if err != nil || u.Host == "" {
		return false
	}
	twilios := u.Hostname() == c.api.own || strings.HasSuffix(u.Hostname(), ".twilio.com")
	return !twilios && u.Host != c.api.target.Host
}
