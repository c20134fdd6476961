package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func TestWhatAReplayMayBeAbout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, key, named, body string
		status                 int
		says                   string
		about                  string // the organization it is restricted to
	}{
		{"all", "csk_op_operate", "", `{"consumer":"calls"}`, 201, "", ""},
		{"one organization", "csk_op_operate", "", `{"consumer":"calls","organization":"` + strings.ToUpper(org) + `"}`, 201, "", org},
		{"one, by the header", "csk_op_operate", org, `{"consumer":"calls"}`, 201, "", org},
		{"the key's own", "csk_operate", "", `{"consumer":"calls"}`, 201, "", org},
		{"no such organization", "csk_op_operate", "", `{"consumer":"calls","organization":"` + keyID + `"}`, 404, "does not exist", ""},
		{"no such consumer", "csk_op_operate", "", `{"consumer":"caller"}`, 422, "calls, recorder, transcriber", ""},
		{"no consumer", "csk_op_operate", "", `{}`, 422, "consumer", ""},
		{"the wrong way", "csk_op_operate", "", `{"consumer":"calls","from_seq":9,"to_seq":8}`, 422, "ends before it begins", ""},
		{"a misspelt field", "csk_op_operate", "", `{"consumer":"calls","dryrun":true}`, 422, "dryrun", ""},
		{"what records", "csk_op_operate", "", `{"consumer":"recorder"}`, 403, `allow the side effect \"recorder\"`, ""},
		{"what records, allowed", "csk_op_operate", "", `{"consumer":"recorder","allow_side_effects":["recorder"]}`, 201, "", ""},
		{"what records, dry", "csk_operate", "", `{"consumer":"recorder","dry_run":true}`, 201, "", org},
		{"side effects of an organization's", "csk_admin", "", `{"consumer":"recorder","allow_side_effects":["recorder"]}`, 403, "only operators", ""},
		{"side effects of an organization's", "csk_admin", "", `{"consumer":"calls","allow_side_effects":["events"]}`, 403, "only operators", ""},
	} {
		s := &store{}
		response, answer := request(t, s, c.key, "POST", "/api/replays", c.body, "Callstream-Organization", c.named)
		if response.StatusCode != c.status || !strings.Contains(answer, c.says) || (c.status == 201) != (s.spec.Consumer != "") || s.spec.Organization != c.about {
			t.Errorf("%s: %d %s; queued %+v", c.name, response.StatusCode, answer, s.spec)
		}
	}
}

func TestEveryFieldOfAReplayIsPassedOn(t *testing.T) {
	t.Parallel()
	const body = `{"consumer":"transcriber","since":"2026-05-04T12:00:00Z","until":"2026-05-05T12:00:00Z","from_seq":3,"to_seq":9,
		"subject":"recording.archived.*","organization":"` + org + `","call_sid":"` + callSID + `","recording_sid":"` + recordingSID + `",
		"dry_run":true,"force":true,"rate":2.5,"allow_side_effects":["events"]}`
	s := &store{}
	response, answer := request(t, s, "csk_op_operate", "POST", "/api/replays", body)
	var want, told schema.ReplaySpec
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, s.spec); diff != "" || response.StatusCode != 201 {
		t.Errorf("%d %s\n%s", response.StatusCode, answer, diff)
	}
	if err := json.Unmarshal([]byte(answer), &struct{ Spec *schema.ReplaySpec }{&told}); err != nil || cmp.Diff(want, told) != "" {
		t.Errorf("answer %s (%v)", answer, err)
	}
}

// An estimate is within the caller's reach and needs no side effects allowed.
func TestAnEstimateIsWithinReach(t *testing.T) {
	t.Parallel()
	for key, about := range map[string]string{"csk_operate": org, "csk_op_operate": ""} {
		s := &store{}
		response, answer := request(t, s, key, "POST", "/api/replays/estimate", `{"consumer":"recorder","from_seq":3,"allow_side_effects":["recorder"]}`)
		if response.StatusCode != 200 || answer != `{"events":12,"exact":true}`+"\n" || s.spec.Organization != about || s.spec.FromSeq != 3 {
			t.Errorf("%s: %d %s of %+v", key, response.StatusCode, answer, s.spec)
		}
	}
	s := &store{pipelineErr: schema.Errorf(schema.Unavailable, "no responders")}
	if response, answer := request(t, s, "csk_operate", "POST", "/api/replays/estimate", `{"consumer":"calls"}`); response.StatusCode != 503 || !strings.Contains(answer, "stream") {
		t.Errorf("away: %d %s", response.StatusCode, answer)
	}
	if response, answer := request(t, s, "csk_operate", "POST", "/api/replays/estimate", `{"consumer":"caller"}`); response.StatusCode != 422 {
		t.Errorf("no such consumer: %d %s", response.StatusCode, answer)
	}
}

// What an operator allowed a replay to do, nobody but an operator sets off
// again.
func TestWhoResumesAReplay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key     string
		effects []string
		status  int
	}{
		{"csk_operate", nil, 200}, {"csk_op_operate", nil, 200}, {"csk_op_operate", []string{"recorder"}, 200}, {"csk_admin", []string{"events"}, 403},
	} {
		s := &store{owner: org, effects: c.effects}
		response, answer := request(t, s, c.key, "POST", "/api/replays/"+replayID+"/resume", "")
		if response.StatusCode != c.status || (len(s.asked) > 0) != (c.status == 200) {
			t.Errorf("%+v: %d %s", c, response.StatusCode, answer)
		}
	}
}
