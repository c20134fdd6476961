package twilio_test

import (
	"net/http/httptest"
	"testing"

	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

// atSimulator returns a client of an account that the simulator plays.
func atSimulator(t *testing.T, traits simulator.Traits) *twilio.Client {
	t.Helper()
	s, err := simulator.New(simulator.Config{
		AccountSID: accountSID, AuthToken: token, OrganizationID: "org-1", Numbers: []string{"+15005550006", "+15005550007"},
		Target: "https://app.example.com", Account: traits,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	c, err := twilio.New(twilio.Config{APIURL: server.URL, EventsURL: server.URL, InsightsURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A number is found, connected, and found connected; the others are left alone.
func TestConnectNumber(t *testing.T) {
	t.Parallel()
	c := atSimulator(t, simulator.Traits{})
	numbers, err := c.ListNumbers(t.Context(), account())
	if err != nil || len(numbers) != 2 {
		t.Fatalf("got %+v, %v, want two numbers", numbers, err)
	}
	const voice, status = "https://app.example.com/twilio/voice?org=1", "https://app.example.com/twilio/call-status?org=1"
	if err := c.ConnectNumber(t.Context(), account(), numbers[0].SID, voice, status); err != nil {
		t.Fatal(err)
	}
	again, err := c.ListNumbers(t.Context(), account())
	if err != nil {
		t.Fatal(err)
	}
	want := numbers[0]
	want.VoiceURL, want.StatusURL = voice, status
	for _, n := range again {
		if n.SID == want.SID && n != want {
			t.Errorf("connected %+v, want %+v", n, want)
		}
		if n.SID == numbers[1].SID && n != numbers[1] {
			t.Errorf("the other number is %+v, was %+v", n, numbers[1])
		}
	}
	err = c.ConnectNumber(t.Context(), account(), "PN00000000000000000000000000000009", voice, status)
	wantCode(t, err, schema.NotFound)
}

func TestAccountsTellWhatTheyHaveUnlikeOthers(t *testing.T) {
	t.Parallel()
	c := atSimulator(t, simulator.Traits{Status: "suspended", Type: "Trial", NoInsights: true})
	if got, err := c.FetchAccount(t.Context(), account()); err != nil || got.Status != "suspended" || got.Type != "Trial" {
		t.Errorf("the account is %+v, %v", got, err)
	}
	if on, err := c.InsightsAdvanced(t.Context(), account()); err != nil || on {
		t.Errorf("Advanced Features are on: %t, %v", on, err)
	}
	if got, err := c.LatestRecording(t.Context(), account()); err != nil || got != nil {
		t.Errorf("before any call the newest recording is %+v, %v", got, err)
	}
}
