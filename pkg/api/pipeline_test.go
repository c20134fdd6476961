package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/loquent/callstream/schema"
)

func TestThePipelinesHistory(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"": `{"every_seconds":360,"at":[-62135596800],`,
		"?since=1970-01-01T00:01:00Z&points=2000": `{"every_seconds":2000,"at":[60],`,
	} {
		if _, answer := request(t, &store{}, "csk_op_operate", "GET", "/api/pipeline/history"+query, ""); !strings.HasPrefix(answer, want) {
			t.Errorf("%s: %s", query, answer)
		}
	}
}

func TestThePipelinesState(t *testing.T) {
	t.Parallel()
	_, answer := request(t, &store{}, "csk_op_operate", "GET", "/api/pipeline", "")
	var got struct {
		Streams  []struct{ Messages int }
		Durables []struct {
			Name            string
			Pending, Parked int
		}
		Open int `json:"dead_letters_open"`
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Streams) != 2 || len(got.Durables) != 2 || got.Durables[0].Pending != 3 || got.Durables[0].Parked != 4 || got.Open != 2 {
		t.Errorf("answer %s", answer)
	}
	s := &store{pipelineErr: schema.Errorf(schema.Unavailable, "inspect stream CALLS: no responders")}
	if response, answer := request(t, s, "csk_op_operate", "GET", "/api/pipeline", ""); response.StatusCode != 503 || !strings.Contains(answer, "stream") {
		t.Errorf("away: %d %s", response.StatusCode, answer)
	}
}
