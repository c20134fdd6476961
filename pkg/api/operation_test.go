package api_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/replays"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// plant is a pipeline with one consumer, as operators see it over the API.
type plant struct {
	*office
	conn             *stream.Conn
	durable          stream.Durable
	operator         string // keys
	own, other       string
	ours, theirs     string // organizations
	broken           atomic.Bool
	letters, replays string // paths
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	p := &plant{office: &office{T: t, db: postgrestest.New(t)}, letters: "/api/deadletters", replays: "/api/replays"}
	p.durable = stream.Durable{Name: "calls", Filters: []string{schema.KindCallAnswered + ".*"}, AckWait: time.Minute, MaxAckPending: 100, MaxAttempts: 1, Workers: 1}
	p.conn = streamtest.New(t, p.durable)
	p.Handler = api.New(api.Config{
		Keys: p.db, Organizations: p.db, Audit: p.db, Pipeline: p.conn, Books: p.db, Replays: p.db, Consumers: []string{p.durable.Name},
		Letters: &stream.Letters{Conn: p.conn, Book: p.db}, Logger: slog.New(slog.DiscardHandler),
	})
	for org, key := range map[*string]*string{&p.ours: &p.own, &p.theirs: &p.other} {
		var err error
		if *org, err = p.db.CreateOrganization(t.Context(), "One of two"); err != nil {
			t.Fatal(err)
		}
		*key = p.key(*org, "own", api.PermissionAdmin)
	}
	p.operator = p.key("", "night shift", api.PermissionOperate)
	p.broken.Store(true)
	return p
}

// handle is the consumer's work, which fails while p.broken says so.
func (p *plant) handle(context.Context, schema.Event) error {
	if p.broken.Load() {
		return stream.Terminal(errors.New("it cannot be done"))
	}
	return nil
}

// consume runs the consumer until the test ends.
func (p *plant) consume() {
	streamtest.Run(p.T, stream.RunnerConfig{
		Conn: p.conn, Durable: p.durable, Ledger: p.db, Parking: p.db, Handler: p.handle, Redrive: 10 * time.Millisecond,
	})
}

// publish stores an answered call of the organization.
func (p *plant) publish(call int, org string) {
	p.Helper()
	e := streamtest.Answered(call)
	e.OrganizationID = org
	if err := p.conn.Publish(p.Context(), e); err != nil {
		p.Fatal(err)
	}
}

// list returns the ids that a list has.
func (p *plant) list(key, path, name string) (ids []any) {
	p.Helper()
	ids = []any{}
	for _, e := range p.do(key, "GET", path, "", 200)[name].([]any) {
		ids = append(ids, e.(map[string]any)["id"])
	}
	return ids
}

// An operator sees what nobody could process, mends the cause, has one tried
// again and settles another; each organization's own administrator sees its own.
func TestDeadLettersAreMended(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.publish(1, p.ours)
	p.publish(2, p.theirs)
	p.consume()
	streamtest.DeadLetters(t, p.conn, 2)
	ids := p.list(p.operator, p.letters, "dead_letters")
	if len(ids) != 2 {
		t.Fatalf("dead letters %v", ids)
	}
	ours := p.list(p.own, p.letters, "dead_letters")
	theirs := p.list(p.other, p.letters, "dead_letters")
	if len(ours) != 1 || len(theirs) != 1 || ours[0] == theirs[0] {
		t.Fatalf("ours %v, theirs %v of %v", ours, theirs, ids)
	}
	first, second := fmt.Sprintf("%s/%v", p.letters, ours[0]), fmt.Sprintf("%s/%v", p.letters, theirs[0])
	letter := p.do(p.own, "GET", first, "", 200)
	if letter["error"] == "" || letter["attempts"] != 1.0 || letter["text"] == nil || letter["header"].(map[string]any)["Nats-Msg-Id"] == nil {
		t.Errorf("letter %v", letter)
	}
	p.do(p.own, "GET", second, "", 404)
	p.do(p.own, "POST", second+"/retry", "", 404)

	p.broken.Store(false)
	p.do(p.own, "POST", first+"/retry", "", 204)
	streamtest.Await(t, "the letter to be resolved", func(context.Context) bool {
		return p.do(p.operator, "GET", first, "", 200)["status"].(map[string]any)["state"] == "resolved"
	})
	p.do(p.own, "POST", first+"/retry", "", 409)
	p.do(p.operator, "DELETE", second, `{"reason":"a test call"}`, 204)
	if left := p.list(p.operator, p.letters, "dead_letters"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if all := p.list(p.operator, p.letters+"?state=any", "dead_letters"); len(all) != 2 {
		t.Errorf("on record: %v", all)
	}
	if open := p.do(p.operator, "GET", "/api/pipeline", "", 200)["dead_letters_open"]; open != 0.0 {
		t.Errorf("%v open", open)
	}
	p.logged("deadletter.remove key:night shift", "deadletter.retry key:own")
}

func TestDeadLettersAreRetriedBySelection(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	for call := range 3 {
		p.publish(call+1, p.ours)
	}
	p.publish(4, p.theirs)
	p.consume()
	streamtest.DeadLetters(t, p.conn, 4)
	p.broken.Store(false)
	const selection = `{"filter":{"consumer":"calls"},"rate":1000}`
	if got := p.do(p.own, "POST", p.letters+"/retry", selection, 200)["retried"]; got != 3.0 {
		t.Errorf("ours: %v are tried again", got)
	}
	if got := p.do(p.operator, "POST", p.letters+"/retry", selection, 200)["retried"]; got != 1.0 {
		t.Errorf("then all: %v are tried again", got)
	}
	streamtest.Await(t, "all to be resolved", func(context.Context) bool {
		return len(p.list(p.operator, p.letters+"?state=resolved", "dead_letters")) == 4
	})
}

// replayed runs queued replays as a process that runs the consumer does.
func (p *plant) replayed() {
	ctx, stop := context.WithCancel(context.WithoutCancel(p.Context()))
	over := make(chan struct{})
	runner := replays.Runner{Store: p.db, Consumer: p.durable.Name, Every: time.Millisecond, Work: p.work}
	go func() {
		defer close(over)
		_ = runner.Run(ctx)
	}()
	p.Cleanup(func() { stop(); <-over })
}

func (p *plant) work(ctx context.Context, r schema.Replay, checkpoint func(context.Context, schema.ReplayProgress) error) (schema.ReplayProgress, error) {
	return p.conn.Replay(ctx, stream.ReplayConfig{
		Spec: r.Spec, Durable: p.durable, Handler: p.handle, Resume: r.Progress, Checkpoint: checkpoint, CheckpointEvery: time.Millisecond,
	})
}

// A replay that is started over the API runs where the consumer does, and is
// watched and cancelled from afar.
func TestReplaysAreStartedWatchedAndCancelled(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.broken.Store(false)
	for call := range 5 {
		p.publish(call+1, p.ours)
	}
	p.publish(6, p.theirs)
	start := func(key, body string) string {
		t.Helper()
		r := p.do(key, "POST", p.replays, body, 201)
		if r["state"] != "queued" {
			t.Errorf("replay %v", r)
		}
		return r["id"].(string)
	}
	state := func(key, id, want string) map[string]any {
		t.Helper()
		var r map[string]any
		streamtest.Await(t, "the replay to be "+want, func(context.Context) bool {
			r = p.do(key, "GET", p.replays+"/"+id, "", 200)
			return r["state"] == want
		})
		return r["progress"].(map[string]any)
	}
	never := start(p.operator, `{"consumer":"calls"}`)
	p.do(p.operator, "POST", p.replays+"/"+never+"/cancel", "", 204)
	ours := start(p.own, `{"consumer":"calls","dry_run":true}`)
	slow := start(p.operator, `{"consumer":"calls","rate":0.001}`)
	p.replayed()
	if done := state(p.own, ours, "done"); done["done"] != 5.0 || done["skipped"] != 1.0 {
		t.Errorf("ours: %v", done)
	}
	state(p.operator, slow, "running")
	p.do(p.own, "GET", p.replays+"/"+slow, "", 404)
	p.do(p.own, "POST", p.replays+"/"+slow+"/cancel", "", 404)
	p.do(p.other, "GET", p.replays+"/"+ours, "", 404)
	p.do(p.operator, "POST", p.replays+"/"+slow+"/cancel", "", 204)
	state(p.operator, slow, "cancelled")
	state(p.operator, start(p.operator, `{"consumer":"calls"}`), "done") // whoever was at it is free again
	p.do(p.own, "POST", p.replays+"/"+ours+"/cancel", "", 409)
	if all, own := p.list(p.operator, p.replays, "replays"), p.list(p.own, p.replays, "replays"); len(all) != 4 || cmp.Diff([]any{ours}, own) != "" {
		t.Errorf("all %v, ours %v", all, own)
	}
	page := p.do(p.operator, "GET", p.replays+"?limit=3", "", 200)
	if last := p.list(p.operator, p.replays+"?limit=3&cursor="+page["next"].(string), "replays"); cmp.Diff([]any{never}, last) != "" {
		t.Errorf("page two: %v", last)
	}
	p.logged("replay.start key:night shift", "replay.cancel key:night shift", "replay.start key:night shift", "replay.start key:own",
		"replay.cancel key:night shift", "replay.start key:night shift")
}

// logged compares what the audit log tells last, newest first.
func (p *plant) logged(want ...string) {
	p.Helper()
	entries, _, err := p.db.AuditLog(p.Context(), "", schema.AuditFilter{Limit: len(want)})
	if err != nil {
		p.Fatal(err)
	}
	var told []string
	for _, e := range entries {
		told = append(told, e.Action+" "+string(e.Actor))
	}
	if diff := cmp.Diff(want, told); diff != "" {
		p.Errorf("audit log:\n%s", diff)
	}
}
