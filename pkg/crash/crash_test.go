package crash

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestStatementsThatWriteAreSteps(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT 1":                                    "",
		"SELECT x FROM t WHERE y FOR UPDATE":          "",
		"SELECT x FROM t FOR UPDATE OF t SKIP LOCKED": "",
		"  commit;":                                   "COMMIT",
		"COMMIT":                                      "COMMIT",
		"BEGIN":                                       "",
		"INSERT INTO call (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = 1": "INSERT call",
		"WITH gone AS (DELETE FROM x RETURNING y)\nUPDATE  z SET y = 1":        "DELETE x, UPDATE z",
		"insert into\tt select * from t":                                       "INSERT t",
	} {
		if got := stepOf([]byte(query)); got != want {
			t.Errorf("%q is %q, want %q", query, got, want)
		}
	}
}

func TestRequestsAreNamedByWhatTheyDo(t *testing.T) {
	t.Parallel()
	const sid = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		name              func(*http.Request) string
		method, url, want string
	}{
		{API, "POST", "/2010-04-01/Accounts/AC" + sid + "/Calls/CA" + sid + "/Recordings.json", "Twilio POST Calls/*/Recordings.json"},
		{API, "DELETE", "/2010-04-01/Accounts/AC" + sid + "/Recordings/RE" + sid + ".json", "Twilio DELETE Recordings/*.json"},
		{API, "POST", "/v1/audio/transcriptions", "Whisper POST"},
		{Object, "PUT", "/b/k.mp3", "S3 PUT"},
		{Object, "POST", "/b/k.mp3?uploads=", "S3 POST uploads"},
		{Object, "PUT", "/b/k.mp3?partNumber=1&uploadId=x", "S3 PUT part"},
		{Object, "POST", "/b/k.mp3?uploadId=x", "S3 complete"},
		{Object, "DELETE", "/b/k.mp3?uploadId=x", "S3 DELETE upload"},
		{Webhook, "POST", "/twilio/events?org=1", "answer /twilio/events"},
		{Webhook, "GET", "/readyz", ""},
	} {
		if got := c.name(httptest.NewRequest(c.method, c.url, nil)); got != c.want {
			t.Errorf("%s %s is %q, want %q", c.method, c.url, got, c.want)
		}
	}
}

func TestATrapIsSprungOnceAndOnlyWhereItWasSet(t *testing.T) {
	t.Parallel()
	trap := NewTrap()
	killed := 0
	at := Point{Step: "ack", After: true}
	over := trap.Arm(at, 1, func() { killed++ })
	carried := func() []byte { return []byte(`{"call_sid":"CA0123456789abcdef0123456789abcdef"}`) }
	for i, c := range []struct {
		at    Point
		alive bool
	}{
		{Point{Step: "ack"}, true}, {at, true}, {at, false}, {at, true},
	} {
		if got := trap.reach(c.at, carried); got != c.alive {
			t.Errorf("step %d: may go on: %t, want %t", i, got, c.alive)
		}
	}
	if sids := <-over; killed != 1 || len(sids) != 1 || sids[0] != "CA0123456789abcdef0123456789abcdef" {
		t.Errorf("killed %d times, over %v", killed, sids)
	}
	if trap.Seen()[at] != 3 || trap.Disarm() {
		t.Errorf("seen %v, and it can still be disarmed", trap.Seen())
	}
}
