package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func TestListCallsPassesTheFilter(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, body := request(t, s, "csk_read", "GET",
		"/api/calls?recorded=true&status=no_answer&number=0199&text=refund&limit=7&since=2026-01-02T03:04:05Z&direction=inbound&rule=disabled&transcript=false&cursor=c", "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	recorded, transcribed := true, false
	want := schema.CallFilter{
		Direction: schema.Inbound, Status: schema.StatusNoAnswer, Recorded: &recorded, Rule: schema.RuleDisabled, Transcribed: &transcribed, Number: "0199", Text: "refund", Limit: 7,
		Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Cursor: "c",
	}
	if diff := cmp.Diff(want, s.filter); diff != "" {
		t.Error(diff)
	}
	var page struct {
		Calls []any
		Next  string
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil || page.Next != "next-page" || page.Calls == nil {
		t.Errorf("page %s (%v): an empty page is [], not null", body, err)
	}
}

func TestListCallsNamesTheRulesThatThereAre(t *testing.T) {
	t.Parallel()
	response, body := request(t, &store{}, "csk_read", "GET", "/api/calls?rule=mood", "")
	if response.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "number_unknown") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

func TestTimelineSaysWhy(t *testing.T) {
	t.Parallel()
	_, body := request(t, &store{}, "csk_read", "GET", "/api/calls/"+callSID+"/timeline", "")
	for _, want := range []string{schema.RuleDisabled.Explain(), `"stream_seq":7`, `"outcome":"not_started"`} {
		if !strings.Contains(body, want) {
			t.Errorf("timeline %s lacks %s", body, want)
		}
	}
}

func TestListMessagesPassesTheFilter(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, body := request(t, s, "csk_read", "GET",
		"/api/messages?status=DELIVERED&number=0199&limit=7&since=2026-01-02T03:04:05Z&until=2026-01-03T03:04:05Z&cursor=c", "")
	if response.StatusCode != http.StatusOK || body != `{"messages":[],"next":"next-page"}`+"\n" {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	want := schema.MessageFilter{
		Status: schema.MessageDelivered, Number: "0199", Limit: 7, Cursor: "c",
		Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Until: time.Date(2026, 1, 3, 3, 4, 5, 0, time.UTC),
	}
	if diff := cmp.Diff(want, s.messages); diff != "" {
		t.Error(diff)
	}
}
