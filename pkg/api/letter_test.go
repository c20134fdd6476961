package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func TestTheFilterOfDeadLetters(t *testing.T) {
	t.Parallel()
	s := &store{}
	const path = "/api/deadletters?consumer=archiver&reason=exhausted&since=2026-05-04T12:00:00Z&until=2026-05-05T12:00:00Z&limit=7&cursor=9"
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	want := schema.LetterFilter{Consumer: "archiver", Reason: "exhausted", Since: noon, Until: noon.Add(24 * time.Hour), Limit: 7, Cursor: "9"}
	for _, c := range []struct {
		key, query string
		change     func(*schema.LetterFilter)
	}{
		{"csk_op_operate", "", func(*schema.LetterFilter) {}},
		{"csk_op_operate", "&organization=" + strings.ToUpper(otherOrg), func(f *schema.LetterFilter) { f.Organization = otherOrg }},
		{"csk_op_operate", "&state=resolved", func(f *schema.LetterFilter) { f.State = schema.LetterResolved }},
		{"csk_op_operate", "&state=any", func(f *schema.LetterFilter) { f.All = true }},
		{"csk_operate", "", func(f *schema.LetterFilter) { f.Organization = org }},
		{"csk_operate", "&organization=" + org, func(f *schema.LetterFilter) { f.Organization = org }},
	} {
		filter := want
		c.change(&filter)
		response, answer := request(t, s, c.key, "GET", path+c.query, "")
		if diff := cmp.Diff(filter, s.selected); diff != "" || response.StatusCode != 200 {
			t.Errorf("%s %s: %d %s\n%s", c.key, c.query, response.StatusCode, answer, diff)
		}
	}
}

// To whom it does not belong, a dead letter or a replay is not there, whatever
// they do to it.
func TestWhatBelongsToAnotherOrganizationIsNotThere(t *testing.T) {
	t.Parallel()
	for _, owner := range []string{otherOrg, ""} { // "": nobody knows whose it is, or it is about all
		for _, c := range []struct{ method, path, body string }{
			{"GET", "/api/deadletters/7", ""},
			{"POST", "/api/deadletters/7/retry", ""},
			{"DELETE", "/api/deadletters/7", `{"reason":"a test"}`},
			{"GET", "/api/replays/" + replayID, ""},
			{"POST", "/api/replays/" + replayID + "/cancel", ""},
			{"POST", "/api/replays/" + replayID + "/resume", ""},
		} {
			s := &store{owner: owner}
			strange, says := request(t, s, "csk_admin", c.method, c.path, c.body)
			missing, expected := request(t, s, "csk_admin", c.method, strings.NewReplacer("/7", "/8", replayID, keyID).Replace(c.path), c.body)
			if strange.StatusCode != 404 || missing.StatusCode != 404 || len(s.asked) > 0 {
				t.Errorf("%s %s: %d and %d, having changed what belongs to %q", c.method, c.path, strange.StatusCode, missing.StatusCode, s.asked)
			}
			if strings.NewReplacer("letter 7", "letter 8", replayID, keyID).Replace(says) != expected {
				t.Errorf("%s %s: %s tells from %s", c.method, c.path, says, expected)
			}
			if response, answer := request(t, s, "csk_op_operate", c.method, c.path, c.body); response.StatusCode >= 300 {
				t.Errorf("an operator's %s %s: %d %s", c.method, c.path, response.StatusCode, answer)
			}
		}
	}
}

// An organization's key reaches no other by naming it.
func TestAnotherOrganizationsListsAreForbidden(t *testing.T) {
	t.Parallel()
	s := &store{}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/api/deadletters?organization=" + otherOrg, ""},
		{"POST", "/api/deadletters/retry", `{"filter":{"organization":"` + otherOrg + `"}}`},
		{"GET", "/api/replays?organization=" + otherOrg, ""},
		{"POST", "/api/replays", `{"consumer":"calls","organization":"` + otherOrg + `"}`},
		{"POST", "/api/replays/estimate", `{"consumer":"calls","organization":"` + otherOrg + `"}`},
	} {
		if response, answer := request(t, s, "csk_admin", c.method, c.path, c.body); response.StatusCode != 403 || len(s.asked) > 0 {
			t.Errorf("%s %s: %d %s", c.method, c.path, response.StatusCode, answer)
		}
	}
}

func TestTheBytesOfADeadLetter(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]map[string]any{
		`{"call":"é"}`: {"text": `{"call":"é"}`, "data": nil},
		"\xff\xfe":     {"text": nil, "data": "//4="},
		"":             {"text": nil, "data": nil},
	} {
		_, answer := request(t, &store{data: data}, "csk_op_operate", "GET", "/api/deadletters/7", "")
		var letter map[string]any
		if err := json.Unmarshal([]byte(answer), &letter); err != nil {
			t.Fatal(err)
		}
		if letter["text"] != want["text"] || letter["data"] != want["data"] || letter["error"] != "put: away" {
			t.Errorf("of %q: %s", data, answer)
		}
		if earlier := letter["earlier"].([]any); len(earlier) != 1 || earlier[0].(map[string]any)["data"] != nil {
			t.Errorf("earlier: %v", earlier)
		}
	}
}

func TestARemovalHasItsReason(t *testing.T) {
	t.Parallel()
	s := &store{}
	if response, answer := request(t, s, "csk_op_operate", "DELETE", "/api/deadletters/7", ""); response.StatusCode != 422 {
		t.Errorf("without a reason: %d %s", response.StatusCode, answer)
	}
	if response, answer := request(t, s, "csk_op_operate", "DELETE", "/api/deadletters/7", `{"reason":"a test call"}`); response.StatusCode != 204 || s.reason != "a test call" {
		t.Errorf("%d %s, reason %q", response.StatusCode, answer, s.reason)
	}
}

// retried is the answer to a request to retry a selection.
type retried struct {
	Retried int
	Refused []struct {
		ID     int
		Detail string
	}
	Next string
}

// retrySelection sends s such a request.
func retrySelection(t *testing.T, s *store, body string) (r retried) {
	t.Helper()
	response, answer := request(t, s, "csk_operate", "POST", "/api/deadletters/retry", body)
	if err := json.Unmarshal([]byte(answer), &r); err != nil || response.StatusCode != 200 {
		t.Fatalf("%d %s", response.StatusCode, answer)
	}
	return r
}

func TestASelectionIsRetriedInBoundedRequests(t *testing.T) {
	t.Parallel()
	s := &store{open: 2350}
	body, requests := `{"filter":{"reason":"exhausted"},"rate":1000`, 0
	for cursor := ""; ; requests++ {
		next := body + "}"
		if cursor != "" {
			next = body + fmt.Sprintf(`,"cursor":%q}`, cursor)
		}
		r := retrySelection(t, s, next)
		if r.Retried > 1000 || requests > 3 || s.selected.State != schema.LetterOpen || s.selected.Reason != "exhausted" || s.selected.Organization != org {
			t.Fatalf("request %d retried %d of %+v", requests, r.Retried, s.selected)
		}
		if cursor = r.Next; cursor == "" {
			break
		}
	}
	slices.Sort(s.retried)
	if each := slices.Compact(slices.Clone(s.retried)); len(s.retried) != 2350 || len(each) != 2350 {
		t.Errorf("%d tries of %d letters", len(s.retried), len(each))
	}
}

// What would take longer than a request may is left to the next.
func TestASelectionIsRetriedAtARate(t *testing.T) {
	t.Parallel()
	s := &store{open: 3}
	r := retrySelection(t, s, `{"filter":{},"rate":0.01}`)
	if r.Retried != 1 || r.Next != "3" {
		t.Errorf("answer %+v", r)
	}
	if r = retrySelection(t, s, `{"filter":{},"rate":0.01,"cursor":"3"}`); r.Retried != 1 || !slices.Equal(s.retried, []uint64{3, 2}) {
		t.Errorf("answer %+v, retried %v", r, s.retried)
	}
}

func TestWhatOfASelectionIsRefused(t *testing.T) {
	t.Parallel()
	s := &store{open: 2, refuse: schema.Errorf(schema.Conflict, "its message is gone")}
	if r := retrySelection(t, s, `{"filter":{}}`); r.Retried != 0 || len(r.Refused) != 2 || r.Refused[0].Detail != "its message is gone" || r.Next != "" {
		t.Errorf("answer %+v", r)
	}
}

// That a message is still wrong says nothing of the caller's key.
func TestAMessageThatIsRefusedAgain(t *testing.T) {
	t.Parallel()
	for code, want := range map[schema.Code]int{
		schema.Unauthorized: 409, schema.Forbidden: 409, schema.Corrupt: 409, schema.Invalid: 409, schema.Conflict: 409,
		schema.NotFound: 404, schema.Unavailable: 503,
	} {
		s := &store{refuse: schema.Errorf(code, "the account is not known")}
		response, answer := request(t, s, "csk_op_operate", "POST", "/api/deadletters/7/retry", "")
		if response.StatusCode != want || strings.Contains(answer, "not known") != (want != 503) {
			t.Errorf("%s: %d %s", code, response.StatusCode, answer)
		}
	}
}
