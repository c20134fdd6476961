package cli_test

import (
	"flag"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// withCluster adds the storm over three nodes, after which in some runs a
// durable has not come to its end.
var withCluster = flag.Bool("cluster", false, "TestFaults: also kill nodes of a cluster of three")

// Whatever callstream leans on fails while calls arrive, in one way after the
// other, and comes back. Meanwhile ingress takes only what it can keep, and
// nothing is recorded that should not be. Afterwards everything heals by
// itself: every row, object and deletion is as the truth is.
func TestFaults(t *testing.T) {
	t.Parallel()
	var storms sync.WaitGroup // all at once, however few tests run in parallel: they mostly wait
	defer storms.Wait()
	all := map[string]storm{
		"nats":     natsStorm(),
		"postgres": postgresStorm(),
		"s3":       s3Storm(),
		"twilio":   twilioStorm(),
		"openai":   openaiStorm(),
	}
	if *withCluster {
		all["cluster"] = clusterStorm()
	}
	for name, s := range all {
		storms.Go(func() { t.Run(name, s.brave) })
	}
}

// clusterStorm is about three nodes.
func clusterStorm() storm {
	return storm{rate: 3, nodes: newNodes, faults: []fault{
		{name: "the leaders are moved", calls: 9, begin: func(w *faulty) func() {
			w.cluster.move()
			w.arrive(4)
			w.cluster.move()
			return func() {}
		}},
		{name: "the leading node is killed", calls: 24, begin: func(w *faulty) func() {
			return w.cluster.kill(w.cluster.leader())
		}},
		{name: "two of three nodes are killed", calls: 15, refused: true, begin: func(w *faulty) func() {
			leader := w.cluster.leader()
			return w.cluster.kill(leader, (leader+1)%3)
		}},
	}}
}

// natsStorm is about one node and the way to it.
func natsStorm() storm {
	return storm{rate: 4, faults: []fault{
		{name: "NATS is cut off", calls: 12, refused: true, begin: func(w *faulty) func() { w.nats.down(); return w.nats.up }},
		{name: "NATS is slow", calls: 12, begin: func(w *faulty) func() {
			return w.nats.spoil("latency", "downstream", `"latency":300,"jitter":200`)
		}},
		{name: "NATS swallows everything", calls: 16, refused: true, begin: func(w *faulty) func() {
			return w.nats.spoil("timeout", "upstream", `"timeout":0`)
		}},
		{name: "JetStream has no room", calls: 12, refused: true, begin: (*faulty).fillStream},
		{name: "NATS is restarted", calls: 12, refused: true, begin: func(w *faulty) func() {
			w.broker.Stop()
			return w.broker.Restart
		}},
	}}
}

// postgresStorm is about the database.
func postgresStorm() storm {
	return storm{rate: 4, faults: []fault{
		{name: "Postgres is slow", calls: 12, begin: func(w *faulty) func() {
			return w.database.spoil("latency", "downstream", `"latency":300,"jitter":200`)
		}},
		{name: "connections break off in mid-transaction", calls: 16, begin: func(w *faulty) func() {
			return w.database.spoil("limit_data", "upstream", `"bytes":3000`)
		}},
		{name: "Postgres is away, and recording is switched off", calls: 16, begin: (*faulty).switchOffUnseen},
		{name: "the disk of Postgres is full", calls: 12, begin: (*faulty).fillDatabase},
		{name: "Postgres is restarted", calls: 12, begin: func(w *faulty) func() {
			if err := w.server.Stop(); err != nil {
				w.Error(err)
			}
			return w.restartPostgres
		}},
	}}
}

// s3Storm is about the bucket.
func s3Storm() storm {
	return storm{rate: 5, faults: []fault{
		{name: "S3 is away", calls: 6, begin: func(w *faulty) func() { w.bucket.down(); return w.bucket.up }},
		{name: "S3 answers 503", calls: 6, begin: func(w *faulty) func() {
			return w.lies(w.bucketLies, answering(http.StatusServiceUnavailable, `<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`, "Content-Type", "application/xml"))
		}},
		{name: "S3 cuts uploads", calls: 6, begin: func(w *faulty) func() {
			return w.bucket.spoil("limit_data", "upstream", `"bytes":4000`)
		}},
		{name: "S3 is slow", calls: 6, begin: func(w *faulty) func() {
			return w.bucket.spoil("latency", "downstream", `"latency":700,"jitter":300`)
		}},
		{name: "S3 answers web pages", calls: 6, begin: func(w *faulty) func() {
			return w.lies(w.bucketLies, answering(http.StatusOK, page, "Content-Type", "text/html"))
		}},
		{name: "S3 answers nothing", calls: 6, begin: func(w *faulty) func() {
			return w.lies(w.bucketLies, answering(http.StatusOK, ""))
		}},
		{name: "S3 answers by halves", calls: 6, begin: func(w *faulty) func() { return w.lies(w.bucketLies, shortened(false)) }},
	}}
}

// serviceFaults are what a service over HTTP does to its clients.
func serviceFaults(service string, of func(*faulty) (*wire, *liar)) []fault {
	lying := func(what lie) func(*faulty) func() {
		return func(w *faulty) func() { _, l := of(w); return w.lies(l, what) }
	}
	return []fault{
		{name: service + " is away", calls: 6, begin: func(w *faulty) func() { way, _ := of(w); way.down(); return way.up }},
		{name: service + " is slow", calls: 6, begin: lying(slowly(time.Second))},
		{name: service + " answers 429", calls: 6, begin: lying(answering(http.StatusTooManyRequests, `{"code":20429,"message":"Too Many Requests"}`, "Retry-After", "1", "Content-Type", "application/json"))},
		{name: service + " answers 500", calls: 6, begin: lying(answering(http.StatusInternalServerError, page, "Content-Type", "text/html"))},
		{name: service + " answers web pages", calls: 6, begin: lying(answering(http.StatusOK, page, "Content-Type", "text/html"))},
		{name: service + " answers nothing", calls: 6, begin: lying(answering(http.StatusOK, ""))},
		{name: service + " answers by halves", calls: 6, begin: lying(shortened(false))},
		{name: service + " breaks off its answers", calls: 6, begin: lying(shortened(true))},
	}
}

// twilioStorm is about Twilio's API.
func twilioStorm() storm {
	return storm{rate: 5, faults: serviceFaults("Twilio", func(w *faulty) (*wire, *liar) { return w.twilio, w.twilioLies })}
}

// openaiStorm is about the transcription service.
func openaiStorm() storm {
	return storm{rate: 5, faults: serviceFaults("OpenAI", func(w *faulty) (*wire, *liar) { return w.openai, w.openaiLies })}
}

// switchOffUnseen cuts the roles off from the database, in which recording is
// switched off meanwhile: what they do not see they must not assume.
func (w *faulty) switchOffUnseen() (heal func()) {
	w.database.down()
	w.toggle(false)
	return func() {
		w.toggle(true)
		w.database.up()
	}
}

// toggle turns the recording switch, past the wire.
func (w *faulty) toggle(on bool) {
	w.Helper()
	if err := w.db.SetRecordingEnabled(w.Context(), w.org, on); err != nil {
		w.Fatal(err)
	}
	w.sim.FlagChanged(on, time.Now())
}

// fillDatabase has every write end as on a full disk.
func (w *faulty) fillDatabase() (heal func()) {
	w.sql(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE disk_full USING MESSAGE = 'could not extend file: No space left on device'; END $$`)
	tables := []string{"call", "call_event", "recording", "recording_decision", "transcript", "deletion_receipt", "delivery_attempt", "parked_message", "lease"}
	for _, table := range tables {
		w.sql(`CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON ` + table + ` FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`)
	}
	return func() { w.sql(`DROP FUNCTION full_disk CASCADE`) }
}

// restartPostgres starts the stopped server again, at another port as it
// happens.
func (w *faulty) restartPostgres() {
	w.beginPostgres()
	for _, way := range []*wire{w.database, w.aside} {
		way.lead(hostOf(w.T, w.server.URL()))
	}
}

// fillStream has JetStream refuse to store any more, as on a full disk: with an
// error instead of an acknowledgement.
func (w *faulty) fillStream() (heal func()) {
	w.Helper()
	nc, err := nats.Connect(w.broker.URL())
	if err != nil {
		w.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		w.Fatal(err)
	}
	calls, err := js.Stream(w.Context(), schema.StreamCalls)
	if err != nil {
		w.Fatal(err)
	}
	roomy := calls.CachedInfo().Config
	full := roomy
	full.Discard, full.MaxBytes = jetstream.DiscardNew, 1
	if _, err := js.UpdateStream(w.Context(), full); err != nil {
		w.Fatal(err)
	}
	return func() {
		defer nc.Close()
		if _, err := js.UpdateStream(w.Context(), roomy); err != nil {
			w.Fatal(err)
		}
	}
}
