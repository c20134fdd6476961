package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/lib/pq" // the driver of bare statements
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/secrets"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// organizationName marks what the benchmark leaves in a database.
const organizationName = "callstream bench"

// ownNumber is the organization's, whose calls are resolved to it.
const ownNumber = "+15550001111"

// world is what a part works on: servers, an organization with an account, and
// connections of the benchmark's own.
type world struct {
	bench     *bench
	variables map[string]string // of the roles
	account   schema.Account
	base      string // public base URL, which signatures name
	key       string // of the API

	db   *postgres.DB
	pool *sql.DB // for what callstream has no statement for
	conn *stream.Conn
	js   jetstream.JetStream // for bare publishes
	up   *role               // the embedded parts
	nats *role               // the first of the brokers that replace the embedded NATS

	closers []func()
}

// world starts the servers for which the environment names none, on a folder of
// their own, and makes an organization. broker, where it is not nil, replaces
// the embedded NATS.
func (b *bench) world(ctx context.Context, brokers ...broker) (w *world, err error) {
	dir, err := os.MkdirTemp(b.Dir, "world-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	w = &world{bench: b}
	w.onClose(func() { _ = os.RemoveAll(dir) })
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	file := filepath.Join(dir, "instance.env")
	if w.up, err = b.launch(nil, "up", "--no-roles", "--data", dir); err != nil {
		return nil, err
	}
	w.onClose(w.up.stop)
	err = w.up.await(ctx, func(context.Context) bool { _, err := os.Stat(file); return err == nil })
	if err != nil {
		return nil, err
	}
	if w.variables, err = readVariables(file); err != nil {
		return nil, err
	}
	replicas := 1
	for _, broker := range brokers {
		nodes, err := b.startBroker(ctx, dir, broker)
		if err != nil {
			return nil, err
		}
		w.onClose(nodes.stop)
		w.variables["NATS_URL"], w.nats, replicas = nodes.url, nodes.roles[0], broker.nodes
	}
	w.variables["STREAM_REPLICAS"] = fmt.Sprint(replicas)
	w.base = w.variables["PUBLIC_BASE_URL"]
	return w, w.open(ctx, replicas)
}

// open connects to the servers and fills in what every part needs.
func (w *world) open(ctx context.Context, replicas int) error {
	keyring, err := secrets.Parse(w.variables["CALLSTREAM_SECRET_KEY"])
	if err != nil {
		return fmt.Errorf("read the secret key: %w", err)
	}
	if w.db, err = postgres.Open(ctx, w.variables["DATABASE_URL"], postgres.Options{Sealer: keyring}); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	w.onClose(w.db.Close)
	if w.pool, err = sql.Open("postgres", w.variables["DATABASE_URL"]); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	w.onClose(func() { _ = w.pool.Close() })
	if w.conn, err = stream.Connect(ctx, stream.Config{URL: w.variables["NATS_URL"], Name: "callstream bench"}); err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	w.onClose(func() { _ = w.conn.Close(context.WithoutCancel(ctx)) })
	var done func()
	if w.js, done, err = w.jetstream(); err != nil {
		return err
	}
	w.onClose(done)
	if err := w.vacant(ctx); err != nil {
		return err
	}
	settings := stream.DefaultSettings(replicas)
	if _, err := w.conn.Provision(ctx, settings, consumers.Table()); err != nil {
		return fmt.Errorf("apply streams: %w", err)
	}
	return w.settle(ctx)
}

// settle makes an organization that records.
func (w *world) settle(ctx context.Context) error {
	org, err := w.db.CreateOrganization(ctx, organizationName)
	if err != nil {
		return fmt.Errorf("create organization: %w", err)
	}
	w.account = schema.Account{
		OrganizationID: org, AccountSID: "AC" + randomHex(16), AuthTokens: []string{randomHex(16)},
		TranscriptionEnabled: true, Unexpected: schema.UnexpectedProcess, Delete: schema.DeleteArchived,
	}
	if err := w.db.SaveTwilioAccount(ctx, w.account); err != nil {
		return fmt.Errorf("save account: %w", err)
	}
	number := ownNumber
	if _, err := w.pool.ExecContext(ctx, `DELETE FROM phone_number WHERE number = $1`, number); err != nil { // an earlier part's
		return fmt.Errorf("free the number: %w", err)
	}
	err = errors.Join(
		w.db.AddPhoneNumber(ctx, org, number),
		w.db.SetRecordingEnabled(ctx, org, true))
	if err != nil {
		return fmt.Errorf("settle the organization: %w", err)
	}
	w.key, err = w.db.CreateAPIKey(ctx, org, organizationName, []string{api.PermissionRead})
	if err != nil {
		return fmt.Errorf("create API key: %w", err)
	}
	return nil
}

// start runs a role on the world's servers until the world closes.
func (w *world) start(ctx context.Context, env []string, args ...string) (*role, error) {
	r, err := w.bench.start(ctx, append(w.env(), env...), args...)
	if err == nil {
		w.onClose(r.stop)
	}
	return r, err
}

// env returns the variables as a process takes them.
func (w *world) env() []string {
	env := make([]string, 0, len(w.variables))
	for name, value := range w.variables {
		env = append(env, name+"="+value)
	}
	return env
}

func (w *world) onClose(fn func()) { w.closers = append(w.closers, fn) }

// close ends what was opened, the last first.
func (w *world) close() {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
	w.closers = nil
}

// readVariables reads NAME='value' lines.
func readVariables(path string) (map[string]string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the benchmark's own folder
	if err != nil {
		return nil, err
	}
	variables := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			variables[name] = strings.Trim(value, "'")
		}
	}
	return variables, nil
}

func randomHex(bytes int) string {
	random := make([]byte, bytes)
	_, _ = rand.Read(random) // never fails
	return hex.EncodeToString(random)
}
