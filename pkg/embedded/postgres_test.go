package embedded

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/loquent/callstream/schema"
)

// startPostgres starts a fast server: what must survive here is the death of a
// process, not that of the machine.
func startPostgres(t *testing.T, dir string) *Postgres {
	t.Helper()
	return startPostgresAs(t, PostgresOptions{Dir: dir, Fast: true})
}

func startPostgresAs(t *testing.T, options PostgresOptions) *Postgres {
	t.Helper()
	options.Logger = testLog(t)
	server, err := StartPostgres(limited(t), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// query runs a statement on a connection of its own and returns the one text
// that it selects.
func query(t *testing.T, url, statement string) (string, error) {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text string
	err = db.QueryRowContext(limited(t), statement).Scan(&text)
	return text, err
}

func mustQuery(t *testing.T, url, statement string) string {
	t.Helper()
	text, err := query(t, url, statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return text
}

const (
	makeCall = `CREATE TABLE call AS SELECT 'CA1' AS sid; SELECT sid FROM call`
	readCall = `SELECT sid FROM call`
)

func TestDatabaseSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startPostgres(t, dir)
	mustQuery(t, first.URL(), makeCall)
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-first.Done():
	default:
		t.Error("stopped, but not done")
	}
	if got := mustQuery(t, startPostgres(t, dir).URL(), readCall); got != "CA1" {
		t.Errorf("after the restart: %q", got)
	}
}

func TestServerIsDurableAndKeepsStatementsOutOfItsLog(t *testing.T) {
	t.Parallel()
	server := startPostgresAs(t, PostgresOptions{Dir: t.TempDir()})
	for setting, want := range map[string]string{
		"fsync":                   "on",
		"synchronous_commit":      "on",
		"full_page_writes":        "on",
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"log_min_error_statement": "panic",
		"TimeZone":                "UTC",
		"server_encoding":         "UTF8",
	} {
		if got := mustQuery(t, server.URL(), "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if got := mustQuery(t, server.URL(), `SELECT lower('ÄÉ')`); got != "äé" {
		t.Errorf("lower case beyond ASCII: %q", got)
	}
}

func TestWrongPasswordIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := startPostgres(t, dir)
	wrong, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword(postgresUser, "wrong")
	if _, err := query(t, wrong.String(), "SELECT 'in'"); err == nil {
		t.Error("let in with a wrong password")
	}
	info, err := os.Stat(filepath.Join(dir, "postgres", "password"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password file: %v, %v", info, err)
	}
}

// A lost password must end in an error; waiting would never end.
func TestPasswordOfAnotherClusterIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := startPostgres(t, dir).Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "postgres", "password"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := StartPostgres(limited(t), PostgresOptions{Dir: dir})
	if schema.CodeOf(err) != schema.Unavailable || !strings.Contains(err.Error(), "password") {
		t.Errorf("start: %v, want a word about the password", err)
	}
}

func TestKilledProgramLeavesNoPostgres(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell children of their parent's death")
	}
	dir := t.TempDir()
	program := play(t, "postgres", dir)
	mustQuery(t, program.line(t), makeCall)
	data := filepath.Join(dir, "postgres", "data")
	pid := postmaster(t, data)
	program.kill()
	eventually(t, "the server has ended", func() bool { return !isPostmaster(pid, data) })
	if got := mustQuery(t, startPostgres(t, dir).URL(), readCall); got != "CA1" {
		t.Errorf("after the kill: %q", got)
	}
}

// A restart comes at once, while the old server still shuts down or, on some
// systems, still runs.
func TestServerLeftByAKilledProgramIsStoppedFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := play(t, "orphan", dir)
	mustQuery(t, program.line(t), makeCall)
	data := filepath.Join(dir, "postgres", "data")
	pid := postmaster(t, data)
	program.kill()
	if !isPostmaster(pid, data) {
		t.Fatal("the server followed its parent; there is nothing to test")
	}
	if got := mustQuery(t, startPostgres(t, dir).URL(), readCall); got != "CA1" {
		t.Errorf("after the restart: %q", got)
	}
	if isPostmaster(pid, data) && postmaster(t, data) == pid {
		t.Error("the old server still runs")
	}
}

// The number in a stale file may be anybody's by now, as in a container that
// starts anew.
func TestStaleStateWithTheNumberOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := startPostgres(t, dir).Stop(); err != nil {
		t.Fatal(err)
	}
	stale := strconv.Itoa(os.Getpid()) + "\n/elsewhere\n"
	if err := os.WriteFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, dir)
}

func TestClusterThatWasNotFinishedIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	half := filepath.Join(dir, "postgres", "data.new")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, dir)
}

func TestClusterOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := StartPostgres(limited(t), PostgresOptions{Dir: dir})
	if schema.CodeOf(err) != schema.Unavailable || !strings.Contains(err.Error(), "PostgreSQL 3") {
		t.Errorf("start: %v, want the version named", err)
	}
}

// Where user namespaces are forbidden, as in most containers, root hands the
// server to an unprivileged user.
func TestRootWithoutNamespacesUsesAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := openDir(t)
	acct, home := unprivileged(filepath.Join(dir, "postgres"), testLog(t))
	if acct.uid == 0 || home != filepath.Join(dir, "postgres") {
		t.Fatalf("user %d at %s", acct.uid, home)
	}
	c := newCluster(acct, home, testLog(t))
	for range 2 {
		if err := c.prepare(limited(t)); err != nil {
			t.Fatal(err)
		}
		server, err := c.start(limited(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}
	// The same folder still serves once namespaces are allowed again.
	startPostgres(t, dir)
}

func TestClosedFolderMovesTheDatabaseOfAnUnprivilegedUser(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(closed, "data", "postgres")
	if passable(filepath.Dir(filepath.Dir(home))) {
		t.Error("a closed folder counts as passable")
	}
	if !passable("/") {
		t.Error("the root folder counts as closed")
	}
}

func TestOrdinaryUserRunsPostgres(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the other tests show it")
	}
	const nobody = 65534
	dir := openDir(t)
	binary := filepath.Join(dir, "test")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(self, binary); err != nil { // it lies in a closed folder
		t.Skip(err)
	}
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	attributes := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	program := playAs(t, attributes, binary, "postgres", home)
	if got := mustQuery(t, program.line(t), "SELECT 'in'"); got != "in" {
		t.Errorf("selected %q", got)
	}
}

func TestRetriedFailuresAreTheTransientOnes(t *testing.T) {
	t.Parallel()
	for output, transient := range map[string]bool{
		`LOG:  could not bind IPv4 address "127.0.0.1": Address already in use`: true,
		`FATAL:  pre-existing shared memory block is still in use`:              true,
		`FATAL:  could not open directory "pg_wal": Permission denied`:          false,
	} {
		if got := errors.Is(failure(output), errTransient); got != transient {
			t.Errorf("%s: transient %v", output, got)
		}
	}
}

// postmaster returns the number of the server that runs on data.
func postmaster(t *testing.T, data string) int {
	t.Helper()
	state, err := readPIDFile(data)
	if err != nil || state.pid == 0 {
		t.Fatalf("no server on %s: %v", data, err)
	}
	return state.pid
}

// openDir returns a temporary folder that every user may pass through.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
