package consumers_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// planner says what an event would change.
type planner interface {
	Plan(ctx context.Context, d stream.Delivery) (schema.Plan, error)
}

func (p *pipeline) planner(name string) planner {
	switch name {
	case consumers.Calls:
		return p.calls()
	case consumers.Recorder:
		return p.recorder()
	case consumers.Archiver:
		return p.archiver()
	case consumers.Transcriber:
		return p.transcriber()
	case consumers.Reaper:
		return p.reaper()
	default:
		return p.messages()
	}
}

// replay runs the spec to its end and returns its progress, and what failed.
func (p *pipeline) replay(t *testing.T, spec schema.ReplaySpec) (progress schema.ReplayProgress, failures []stream.Replayed) {
	t.Helper()
	config := p.replayConfig(t, spec)
	config.Each = func(r stream.Replayed) {
		if r.Err != nil {
			failures = append(failures, r)
		}
	}
	progress, err := p.conn.Replay(t.Context(), config)
	if err != nil {
		t.Fatalf("replay %s: %v", spec.Consumer, err)
	}
	return progress, failures
}

func (p *pipeline) replayConfig(t *testing.T, spec schema.ReplaySpec) stream.ReplayConfig {
	t.Helper()
	durable, err := consumers.Find(spec.Consumer)
	if err != nil {
		t.Fatal(err)
	}
	live := stream.RunnerConfig{Durable: durable}
	p.handle(&live)
	return stream.ReplayConfig{Spec: spec, Durable: durable, Handler: live.Handler, Batch: live.Batch}
}

// plans returns what a dry run of the spec says, without what changes nothing.
func (p *pipeline) plans(t *testing.T, spec schema.ReplaySpec) (plans []schema.Plan) {
	t.Helper()
	spec.DryRun = true
	config, planner := p.replayConfig(t, spec), p.planner(spec.Consumer)
	config.Each = func(r stream.Replayed) {
		plan, err := planner.Plan(t.Context(), r.Delivery)
		if err != nil {
			t.Errorf("plan %s: %v", r.Subject, err)
		}
		if plan.Change != "" {
			plans = append(plans, plan)
		}
	}
	if _, err := p.conn.Replay(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	return plans
}

// rows are the rows of one table by what identifies them, as JSON.
type rows map[string]string

// tables are what a database holds of calls, and what identifies a row. Left out
// is when rows were written, and the numbers that Postgres gives them.
var tables = map[string]string{
	"call":               "call_sid",
	"recording":          "recording_sid",
	"transcript":         "recording_sid",
	"transcript_segment": "recording_sid || ' ' || position",
	"recording_decision": "call_sid",
	"call_event":         "call_sid || ' ' || kind || ' ' || msg_id",
	"message":            "message_sid",
	"deletion_receipt":   "recording_sid",
}

// dump reads all tables of the database at url.
func dump(t *testing.T, url string) map[string]rows {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := map[string]rows{}
	for table, key := range tables {
		all[table] = readRows(t, db, table, key)
	}
	return all
}

func readRows(t *testing.T, db *sql.DB, table, key string) rows {
	t.Helper()
	found, err := db.QueryContext(t.Context(), `
		SELECT `+key+`, to_jsonb(t) - ARRAY['id', 'created_at', 'updated_at', 'archived_at', 'happened_at', 'search'] FROM `+table+` t`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	all := rows{}
	for found.Next() {
		var key string
		var row json.RawMessage
		if err := found.Scan(&key, &row); err != nil {
			t.Fatal(err)
		}
		all[key] = string(row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// without returns the rows whose key is not dropped.
func (r rows) without(drop func(key string) bool) rows {
	kept := maps.Clone(r)
	maps.DeleteFunc(kept, func(key, _ string) bool { return drop(key) })
	return kept
}

// same reports rows that differ.
func same(t *testing.T, what string, want, got rows) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] == "" {
			t.Errorf("%s %s is gone: %s", what, key, want[key])
		} else if diff := cmp.Diff(want[key], got[key]); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", what, key, diff)
		}
	}
	for key, row := range got {
		if want[key] == "" {
			t.Errorf("%s %s was not there: %s", what, key, row)
		}
	}
}
