package embedded

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// startLimit bounds everything that a test waits for.
const startLimit = time.Minute

// roleVariable makes the test binary play a process that the tests kill.
const roleVariable = "CALLSTREAM_TEST_ROLE"

// TestMain runs the tests, or one role of a process that a test started. A
// role works in the folder that is its argument and prints a line for each
// thing it has been promised.
func TestMain(m *testing.M) {
	role, played := map[string]func(dir string) error{
		"lock":     playLock,
		"nats":     playNATS,
		"postgres": playPostgres,
		"orphan":   playOrphan,
		"s3":       playS3,
	}[os.Getenv(roleVariable)]
	if !played {
		os.Exit(m.Run())
	}
	if err := role(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed, or the tests end
}

func playLock(dir string) error {
	_, err := Lock(dir)
	fmt.Println("locked")
	return err
}

func playNATS(dir string) error {
	server, err := StartNATS(context.Background(), NATSOptions{Dir: dir})
	if err != nil {
		return err
	}
	conn, err := nats.Connect("", nats.InProcessServer(server.InProcess()))
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "CALLS", Subjects: []string{"call"}}); err != nil {
		return err
	}
	for {
		text := rand.Text()
		if _, err := js.Publish(ctx, "call", []byte(text)); err != nil {
			return err
		}
		fmt.Println(text)
	}
}

func playPostgres(dir string) error {
	server, err := StartPostgres(context.Background(), PostgresOptions{Dir: dir})
	if err != nil {
		return err
	}
	fmt.Println(server.URL())
	return nil
}

// playOrphan is a process on a system that does not tell its children of its
// death.
func playOrphan(dir string) error {
	ctx := context.Background()
	c, err := openCluster(ctx, PostgresOptions{Dir: dir})
	if err != nil {
		return err
	}
	c.death = 0
	server, err := c.start(ctx)
	if err != nil {
		return err
	}
	fmt.Println(server.URL())
	return nil
}

// child is a process that plays a role.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// play starts a role in dir. It is killed at the end of the test at the
// latest.
func play(t *testing.T, role, dir string) *child {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return playAs(t, nil, binary, role, dir)
}

// playAs starts a role of the test binary under other attributes.
func playAs(t *testing.T, attributes *syscall.SysProcAttr, binary, role, dir string) *child {
	t.Helper()
	cmd := exec.Command(binary, dir)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "HOME="+dir)
	cmd.SysProcAttr = attributes
	cmd.Stderr = os.Stderr
	cmd.Dir = "/"
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, lines: bufio.NewScanner(out)}
	t.Cleanup(c.kill)
	return c
}

// line returns the next line that the child prints.
func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("the child ended: %v", c.lines.Err())
	}
	return c.lines.Text()
}

// kill ends the child as a power cut would and waits for it.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// limited returns a context that ends when a test waits too long.
func limited(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for what has no signal to wait for: the end of a process
// that is not our child.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for ctx := limited(t); !holds(); pause(ctx, time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// testLog sends what a part reports to the test's log.
func testLog(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// files returns the paths below dir whose name contains a text.
func files(t *testing.T, dir, contains string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.Contains(entry.Name(), contains) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
