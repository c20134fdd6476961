package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/loquent/callstream/schema"
)

// cluster is a folder of databases, the programs of its version and the
// account that they run under.
type cluster struct {
	programs programs
	account  account
	home     string // holds data and password
	data     string
	password string
	fast     bool
	death    syscall.Signal // what a server receives when this process is killed
	logger   *slog.Logger
}

// openCluster finds or makes the cluster under options.Dir and sees to it that
// no server runs on it.
func openCluster(ctx context.Context, options PostgresOptions) (*cluster, error) {
	home, err := filepath.Abs(filepath.Join(options.Dir, "postgres"))
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", options.Dir, err)
	}
	logger := orDiscard(options.Logger)
	acct, home := chooseAccount(home, logger)
	c := newCluster(acct, home, logger)
	if options.Fast {
		c.fast = true
		c.death = syscall.SIGQUIT // at once; SIGKILL would leak its shared memory
	}
	return c, c.prepare(ctx)
}

// newCluster describes a cluster at home whose server shuts down in order when
// this process is killed.
func newCluster(acct account, home string, logger *slog.Logger) *cluster {
	return &cluster{account: acct, home: home, data: filepath.Join(home, "data"), death: syscall.SIGINT, logger: logger}
}

// prepare does what must precede a server: the folder belongs to the account,
// the programs fit it, no other server is on it, and it holds a cluster.
func (c *cluster) prepare(ctx context.Context) (err error) {
	if err := os.MkdirAll(c.home, 0o700); err != nil {
		return fmt.Errorf("create PostgreSQL folder: %w", err)
	}
	if err := stopStray(ctx, c.data, c.logger); err != nil {
		return err
	}
	if err := c.account.ownHome(c.home, c.data); err != nil {
		return fmt.Errorf("give %s to user %d: %w", c.home, c.account.uid, err)
	}
	if c.programs, err = findPrograms(ctx, c.version(), c.logger); err != nil {
		return err
	}
	if c.password, err = secret(filepath.Join(c.home, "password")); err != nil {
		return err
	}
	if c.version() == "" {
		return c.create(ctx)
	}
	return nil
}

// version returns the major version that made the cluster, such as "15", or
// nothing when there is none yet.
func (c *cluster) version() string {
	text, err := os.ReadFile(filepath.Join(c.data, "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// create makes the cluster beside its place and moves it there when it is
// whole, so that a crash half-way leaves nothing that looks like one.
func (c *cluster) create(ctx context.Context) error {
	fresh := c.data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear %s: %w", fresh, err)
	}
	passwordFile, err := c.passwordFile()
	if err != nil {
		return fmt.Errorf("write password for initdb: %w", err)
	}
	defer os.Remove(passwordFile)
	// Sorting by bytes is the same on every system; the character type makes
	// upper and lower case work beyond ASCII where the system knows the name.
	for _, ctype := range []string{utf8Locale(), "C"} {
		if err = c.initdb(ctx, fresh, passwordFile, ctype); err == nil {
			break
		}
		if !strings.Contains(err.Error(), "locale") {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, c.data); err != nil {
		return fmt.Errorf("move the new cluster into place: %w", err)
	}
	return syncDir(c.home)
}

func (c *cluster) initdb(ctx context.Context, dir, passwordFile, ctype string) error {
	flags := []string{
		"-D", dir, "--username", postgresUser, "--pwfile", passwordFile, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--lc-ctype", ctype, "--no-instructions",
	}
	if c.fast {
		flags = append(flags, "--no-sync")
	}
	run, err := startProcess(c.account, syscall.SIGKILL, c.logger, c.programs.path("initdb"), flags...)
	if err != nil {
		return fmt.Errorf("run initdb: %w", err)
	}
	if err := run.wait(ctx); err != nil {
		return fmt.Errorf("run initdb: %w: %s", err, strings.TrimSpace(run.output.String()))
	}
	return nil
}

// passwordFile writes the password where the account can read it.
func (c *cluster) passwordFile() (string, error) {
	file, err := os.CreateTemp(c.home, "initdb.*")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(c.password + "\n")
	return file.Name(), errors.Join(err, c.account.own(file.Name()), file.Close())
}

func utf8Locale() string {
	if runtime.GOOS == "darwin" {
		return "UTF-8"
	}
	return "C.UTF-8"
}

// exists reports whether there is something at path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// noPrograms is the error of a machine without PostgreSQL, with the way to
// get it there.
func noPrograms(problem string) error {
	install := "install PostgreSQL from your system's packages"
	switch {
	case runtime.GOOS == "darwin":
		install = "install it with: brew install postgresql"
	case exists("/etc/debian_version"):
		install = "install it with: sudo apt-get install postgresql"
	case exists("/etc/alpine-release"):
		install = "install it with: apk add postgresql"
	case exists("/etc/redhat-release"), exists("/etc/fedora-release"):
		install = "install it with: sudo dnf install postgresql-server"
	case exists("/etc/arch-release"):
		install = "install it with: sudo pacman -S postgresql"
	}
	return schema.Errorf(schema.Unavailable, "%s; %s, or set DATABASE_URL to a server that runs already", problem, install)
}
