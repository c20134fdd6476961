package crash_test

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/pkg/crash"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/stream/streamtest"
)

// patience bounds what has to happen; a test waits for nothing else by time.
const patience = 30 * time.Second

// wired returns an address behind a wire.
func wired(t *testing.T, address string, open func(string, *crash.Trap) (*crash.Wire, error), trap *crash.Trap) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	wire, err := open(u.Host, trap)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	u.Host = wire.Addr()
	return u.String()
}

// sprung waits until the process was killed.
func sprung(t *testing.T, over <-chan []string) {
	t.Helper()
	select {
	case <-over:
	case <-time.After(patience):
		t.Fatal("the trap was not sprung")
	}
}

// Killed before a statement, the server has not done it; killed after it, it has,
// and the process does not know.
func TestPostgresStepsAreDoneOrNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at   crash.Point
		want int
	}{
		{crash.Point{Step: "INSERT t"}, 0},
		{crash.Point{Step: "INSERT t", After: true}, 1},
		{crash.Point{Step: "COMMIT"}, 0},
		{crash.Point{Step: "COMMIT", After: true}, 1},
	} {
		t.Run(c.at.String(), func(t *testing.T) {
			t.Parallel()
			address, trap := embeddedtest.Postgres(t), crash.NewTrap()
			aside, behind := open(t, address), open(t, wired(t, address, crash.Postgres, trap))
			if _, err := behind.Exec(`CREATE TABLE t (x int)`); err != nil {
				t.Fatal(err)
			}
			over := trap.Arm(c.at, 0, func() {})
			if err := insert(t.Context(), behind, c.at.Step == "COMMIT"); err == nil {
				t.Error("the process was told that it is done")
			}
			sprung(t, over)
			var got int
			if err := aside.QueryRow(`SELECT count(*) FROM t`).Scan(&got); err != nil || got != c.want {
				t.Errorf("%d rows, %v; want %d", got, err, c.want)
			}
		})
	}
}

func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// insert inserts a row, in a transaction or as a statement of its own.
func insert(ctx context.Context, db *sql.DB, together bool) error {
	if !together {
		// Within a connection: the pool would do it again on another.
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_, err = conn.ExecContext(ctx, `INSERT INTO t VALUES ($1)`, 1)
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO t VALUES (1)`); err != nil {
		return err
	}
	return tx.Commit()
}

func TestNATSStepsAreDoneOrNot(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		at := crash.Point{Step: "publish call.answered", After: after}
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			address, trap := streamtest.Start(t).URL(), crash.NewTrap()
			aside := connect(t, address)
			heard, err := aside.SubscribeSync("call.>")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := aside.Subscribe("call.answered.>", func(m *nats.Msg) { _ = m.Respond([]byte("stored")) }); err != nil {
				t.Fatal(err)
			}
			if err := aside.Flush(); err != nil {
				t.Fatal(err)
			}
			over := trap.Arm(at, 0, func() {})
			behind := connect(t, wired(t, address, crash.NATS, trap))
			if err := behind.Publish("call.earlier.AC", []byte("1")); err != nil {
				t.Fatal(err)
			}
			if _, err := behind.Request("call.answered.AC", []byte("2"), 500*time.Millisecond); err == nil {
				t.Error("the process was told that it is done")
			}
			sprung(t, over)
			if err := aside.Flush(); err != nil {
				t.Fatal(err)
			}
			want := "call.earlier.AC"
			if after {
				want += " call.answered.AC"
			}
			if got := subjects(t, heard); got != want {
				t.Errorf("the server has %q, want %q", got, want)
			}
		})
	}
}

// subjects returns what a subscription has heard.
func subjects(t *testing.T, heard *nats.Subscription) string {
	t.Helper()
	n, _, err := heard.Pending()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for range n {
		m, err := heard.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Subject)
	}
	return strings.Join(all, " ")
}

func connect(t *testing.T, address string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(address, nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// What a process was given and has said nothing of is known when it is gone.
func TestWhatAProcessHeldIsKnown(t *testing.T) {
	t.Parallel()
	address, trap := streamtest.Start(t).URL(), crash.NewTrap()
	js, err := jetstream.New(connect(t, wired(t, address, crash.NATS, trap)))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Storage: jetstream.MemoryStorage})
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "d", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	var last jetstream.Msg
	for range 2 {
		if _, err := js.Publish(t.Context(), "s", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if last, err = consumer.Next(); err != nil {
			t.Fatal(err)
		}
		if meta, err := last.Metadata(); err == nil && meta.Sequence.Stream == 1 {
			err = last.DoubleAck(t.Context())
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if held := trap.Held(); len(held) != 1 || held[0] != last.Reply() {
		t.Errorf("held %v, want %s alone", held, last.Reply())
	}
}

func TestHTTPStepsAreDoneOrNot(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		done := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
			done++
		}))
		t.Cleanup(server.Close)
		trap := crash.NewTrap()
		wire := crash.HTTP(server.Listener.Addr().String(), trap, crash.Object)
		t.Cleanup(wire.Close)
		put := func() error {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, wire.URL+"/bucket/key", strings.NewReader("audio"))
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err == nil {
				_ = response.Body.Close()
			}
			return err
		}
		if err := put(); err != nil || done != 1 {
			t.Fatalf("%v; done %d times", err, done)
		}
		over := trap.Arm(crash.Point{Step: "S3 PUT", After: after}, 0, func() {})
		if put() == nil {
			t.Error("the process was told that it is done")
		}
		sprung(t, over)
		if want := map[bool]int{false: 1, true: 2}[after]; done != want {
			t.Errorf("killed after: %t; done %d times, want %d", after, done, want)
		}
	}
}
