package postgres_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/schema"
)

func TestReplicasMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Postgres(t)
	var replicas sync.WaitGroup
	for range 5 {
		db, err := postgres.Open(t.Context(), url, postgres.Options{})
		must(t, err)
		t.Cleanup(db.Close)
		replicas.Go(func() {
			if err := db.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
			status, err := db.MigrationStatus(t.Context())
			if err != nil || len(status) == 0 {
				t.Errorf("status %v, %v", status, err)
			}
			for _, m := range status {
				if m.Applied.IsZero() {
					t.Errorf("%s is not applied", m.Name)
				}
			}
		})
	}
	replicas.Wait()
}

func TestMigrationStatusBefore(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), embeddedtest.Postgres(t), postgres.Options{})
	must(t, err)
	t.Cleanup(db.Close)
	status, err := db.MigrationStatus(t.Context())
	if err != nil || len(status) == 0 || !status[0].Applied.IsZero() {
		t.Errorf("status %v, %v", status, err)
	}
}

func TestOpenDoesNotRepeatThePassword(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://me:hunter2@host:port/name", postgres.Options{})
	wantCode(t, err, schema.Invalid)
	if strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestOpenWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	_, err = postgres.Open(t.Context(), "postgres://me@"+l.Addr().String()+"/name?sslmode=disable", postgres.Options{})
	wantCode(t, err, schema.Unavailable)
}

// The database merges by GREATEST, so its enums must be in the domain's order.
func TestEnumsAreInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	enum := func(name string) (values []string) {
		must(t, w.sql.Select(&values, `SELECT unnest(enum_range(NULL::`+name+`))::text`))
		return values
	}
	for name, want := range map[string][]string{
		"call_status":    texts(schema.CallStatuses),
		"call_leg":       texts(schema.Legs),
		"message_status": texts(schema.MessageStatuses),
	} {
		if diff := cmp.Diff(want, enum(name)); diff != "" {
			t.Errorf("%s (-schema +database):\n%s", name, diff)
		}
	}
	for _, status := range enum("recording_status") {
		if _, ok := schema.ParseRecordingStatus(status); !ok {
			t.Errorf("recording status %s is not the schema's", status)
		}
	}
}

func texts[T ~string](values []T) (list []string) {
	for _, v := range values {
		list = append(list, string(v))
	}
	return list
}

func TestThePromisedIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := read[string](w, `SELECT indexdef FROM pg_indexes WHERE indexname = 'idx_phone_number_unique'`)
	if want := "CREATE UNIQUE INDEX idx_phone_number_unique ON public.phone_number USING btree (number)"; got != want {
		t.Errorf("got %s", got)
	}
}
