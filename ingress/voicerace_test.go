package ingress_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// racing is a toggle that goes on and off while calls come in.
type racing struct {
	db      *postgres.DB
	account schema.Account

	epoch atomic.Int64 // even: the switch rests; odd: it is being turned
	on    atomic.Bool  // while it rests
}

// turn sets the switch.
func (r *racing) turn(t *testing.T, on bool) {
	r.epoch.Add(1)
	if _, err := r.db.ChangeSettings(t.Context(), r.account.OrganizationID, schema.SettingsChange{RecordingEnabled: &on}); err != nil {
		t.Error(err)
	}
	r.on.Store(on)
	r.epoch.Add(1)
}

// during calls fn and reports how the switch was all that time; rested is false
// if it was turned meanwhile.
func (r *racing) during(fn func()) (on, rested bool) {
	before := r.epoch.Load()
	on = r.on.Load()
	fn()
	return on, before%2 == 0 && before == r.epoch.Load()
}

// received returns the decisions that the stream holds on calls, by the call.
func received(t *testing.T, conn *stream.Conn) map[string][]schema.Decision {
	t.Helper()
	var mu sync.Mutex
	all := map[string][]schema.Decision{}
	stop := streamtest.Run(t, stream.RunnerConfig{
		Conn: conn, Durable: reader, Ledger: &streamtest.MemoryLedger{}, Parking: &streamtest.MemoryLedger{},
		Handler: func(_ context.Context, event schema.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if e, ok := event.(schema.CallReceived); ok {
				all[e.Call.CallSID] = append(all[e.Call.CallSID], *e.Decision)
			}
			return nil
		},
		Grace: time.Second,
	})
	streamtest.Drained(t, conn, reader.Name)
	stop()
	return all
}

// The switch is turned on and off while calls come in at two ingresses, most of
// them asked about twice, at once or later. What is recorded was looked up after
// the last turn, and both the stream and the database say so.
func TestVoiceWhileTheSwitchIsTurned(t *testing.T) {
	t.Parallel()
	const callers, callsEach = 4, 60
	conn := streamtest.New(t, reader)
	r := &racing{db: postgrestest.New(t)}
	r.account = postgrestest.Seed(t, r.db)
	plan := schema.VoicePlan{Action: schema.VoiceForward, To: agent}
	if err := r.db.SetVoicePlan(t.Context(), r.account.OrganizationID, postgrestest.Number, &plan); err != nil {
		t.Fatal(err)
	}
	configure := func(c *ingress.Config) {
		c.Publisher, c.Accounts, c.Plans, c.Decisions = conn, r.db, r.db, r.db
		c.Clock, c.Budget = time.Now, time.Minute // the machine may be busy
	}
	ingresses := []*voiceWorld{newVoiceWorld(t, configure), newVoiceWorld(t, configure)}
	target := "/twilio/voice?org=" + r.account.OrganizationID
	var mu sync.Mutex
	recorded, asked := map[string]bool{}, make(chan struct{}, 2*callers*callsEach)
	ask := func(n int, sid string, first bool) {
		var records bool
		on, rested := r.during(func() {
			answer := readTwiML(t, ingresses[n%2].callback(target, with(voiceForm,
				"AccountSid", r.account.AccountSID, "CallSid", sid, "To", postgrestest.Number, "Called", postgrestest.Number)))
			records = answer.records()
			if answer.reaches() != agent {
				t.Errorf("%s: answered %+v", sid, answer)
			}
		})
		mu.Lock()
		defer mu.Unlock()
		recorded[sid] = recorded[sid] || records
		asked <- struct{}{}
		if rested && (records && !on || first && records != on) {
			t.Errorf("%s: recorded is %v with the switch at %v", sid, records, on)
		}
	}
	var calls, toggle sync.WaitGroup
	toggle.Go(func() {
		for on := true; ; on = !on {
			r.turn(t, on)
			for range 5 { // some calls see it at rest
				if _, more := <-asked; !more {
					return
				}
			}
		}
	})
	for caller := range callers {
		calls.Go(func() {
			for n := range callsEach {
				sid := fmt.Sprintf("CA%032x", caller*callsEach+n)
				switch n % 3 {
				case 0: // once
					ask(n, sid, true)
				case 1: // again, at the other
					ask(n, sid, true)
					ask(n+1, sid, false)
				case 2: // at both at once
					var both sync.WaitGroup
					both.Go(func() { ask(n, sid, false) })
					both.Go(func() { ask(n+1, sid, false) })
					both.Wait()
				}
			}
		})
	}
	calls.Wait()
	close(asked)
	toggle.Wait()
	told := received(t, conn)
	yes := 0
	for sid, records := range recorded {
		stored, err := r.db.Decision(t.Context(), sid)
		if err != nil || len(told[sid]) != 1 {
			t.Errorf("%s: stored %+v (%v), told %+v", sid, stored, err, told[sid])
			continue
		}
		if records {
			yes++
			if !stored.ByTwiML() || !told[sid][0].ByTwiML() || !told[sid][0].Enabled || told[sid][0].Evidence == "" {
				t.Errorf("%s is recorded: stored %+v, told %+v", sid, stored, told[sid])
			}
		}
	}
	if yes == 0 || yes == len(recorded) {
		t.Errorf("%d of %d calls recorded: the switch was not turned", yes, len(recorded))
	}
}
