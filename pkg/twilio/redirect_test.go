package twilio_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

// wire is a network in which Twilio redirects all to one place.
type wire struct {
	to    string
	asked []*http.Request
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked = append(w.asked, r)
	answer := &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {w.to}}, Body: io.NopCloser(strings.NewReader("")), Request: r}
	if !strings.HasSuffix(r.URL.Hostname(), ".twilio.com") {
		answer.StatusCode = http.StatusForbidden
	}
	return answer, nil
}

// Whatever Twilio's own answer says, nothing is asked of machines in our
// network, and whoever else is asked is not told the token.
func TestTwilioLeadsNobodyIntoOurNetwork(t *testing.T) {
	t.Parallel()
	for to, asks := range map[string]bool{
		"https://bucket.s3.amazonaws.com/RE1.mp3": true,
		"https://169.254.169.254/latest/meta":     false,
		"https://10.0.0.5/":                       false,
		"https://[::1]:5432/":                     false,
		"https://[fd00::1%25eth0]/":               false,
		"https://localhost/":                      false,
		"https://localhost./":                     false,
		"https://postgres:5432/":                  false,
		"https://2130706433/":                     false,
		"http://bucket.s3.amazonaws.com/RE1.mp3":  false,
		"gopher://bucket.s3.amazonaws.com/":       false,
		"//10.0.0.5/":                             false,
	} {
		for what, ask := range map[string]func(*twilio.Client) error{
			"with credentials": func(c *twilio.Client) error {
				_, err := c.DownloadMedia(t.Context(), account(), recordingSID)
				return err
			},
			"without credentials": func(c *twilio.Client) error {
				_, err := c.MediaPublic(t.Context(), account(), recordingSID)
				return err
			},
		} {
			w := &wire{to: to}
			client, err := twilio.New(twilio.Config{Transport: w})
			if err != nil {
				t.Fatal(err)
			}
			err = ask(client)
			if asked := len(w.asked) > 1; asked != asks || (!asks && schema.CodeOf(err) != schema.Internal) {
				t.Errorf("%s, sent to %s: %d requests, %v", what, to, len(w.asked), err)
			}
			for _, r := range w.asked[1:] {
				if r.Header.Get("Authorization") != "" || r.URL.User != nil {
					t.Errorf("%s has credentials", r.URL)
				}
			}
		}
	}
}

// An account's region and edge are part of a host's name, and nothing else.
func TestRegionsAreNoHosts(t *testing.T) {
	t.Parallel()
	for _, edge := range []string{"evil.example/", "evil.example#", "a@evil.example:443/", "x..", "x\r\n", "X"} {
		w := &wire{to: "https://evil.example/"}
		client, err := twilio.New(twilio.Config{Transport: w})
		if err != nil {
			t.Fatal(err)
		}
		a := account()
		a.Edge = edge
		_, err = client.DownloadMedia(t.Context(), a, recordingSID)
		wantCode(t, err, schema.Invalid)
		_, err = client.MediaPublic(t.Context(), a, recordingSID)
		wantCode(t, err, schema.Invalid)
		_, err = client.FetchCall(t.Context(), a, callSID)
		wantCode(t, err, schema.Invalid)
		if len(w.asked) > 0 {
			t.Errorf("edge %q: asked %s", edge, w.asked[0].URL)
		}
	}
}
