package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who a child process runs as: this process's own user, another
// one, or this user under another number within a user namespace.
type account struct {
	uid, gid  int // of the files that the child owns, as this process sees them
	namespace bool
}

// chooseAccount settles who runs PostgreSQL and where its home lies. It
// refuses root and users without a name: both run under another number in a
// user namespace. Where namespaces are forbidden, root hands over to an
// unprivileged user, who may need another home.
func chooseAccount(home string, logger *slog.Logger) (account, string) {
	acct := account{uid: os.Geteuid(), gid: os.Getegid()}
	if _, err := user.LookupId(strconv.Itoa(acct.uid)); err == nil && acct.uid != 0 {
		return acct, home
	}
	if inside, ok := namespaced(); ok {
		return inside, home
	}
	if acct.uid != 0 {
		return acct, home // initdb tells what is wrong
	}
	return unprivileged(home, logger)
}

// namedUser returns a user other than root whom the system has a name for,
// without which initdb does nothing: the one that packages of PostgreSQL
// make, or nobody.
func namedUser() account {
	for _, name := range []string{"postgres", "nobody"} {
		known, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(known.Uid)
		gid, err2 := strconv.Atoi(known.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{uid: uid, gid: gid}
		}
	}
	return account{uid: 65534, gid: 65534} // what nobody is, nearly everywhere
}

// unprivileged makes the data folder passable for a named user, though not
// readable. When a folder above it is closed, the home lies in /var/lib.
func unprivileged(home string, logger *slog.Logger) (account, string) {
	dir := filepath.Dir(home)
	if !passable(filepath.Dir(dir)) {
		sum := sha256.Sum256([]byte(home))
		moved := filepath.Join("/var/lib/callstream", hex.EncodeToString(sum[:6]), "postgres")
		logger.Warn("PostgreSQL cannot run as root and its user cannot reach the data folder; the database lies elsewhere",
			"data", home, "database", moved)
		_ = os.MkdirAll(filepath.Dir(moved), 0o711) //nolint:gosec // passable; initdb tells if this failed
		return namedUser(), moved
	}
	if info, err := os.Stat(dir); err == nil {
		_ = os.Chmod(dir, info.Mode().Perm()|0o011) // initdb tells if this was not enough
	}
	return namedUser(), home
}

// passable reports whether everybody may go through dir and all above it.
func passable(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

// own gives a file to the account. Only root can, and only root needs to.
func (a account) own(path string) error {
	if os.Geteuid() != 0 || a.owns(path) {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

func (a account) owns(path string) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == a.uid
}

// ownHome gives the home and the cluster in it to the account, which may have
// been another one at the last start. The cluster's folder itself comes last:
// whose it is tells whose all of it is.
func (a account) ownHome(home, data string) error {
	if err := a.own(home); err != nil {
		return err
	}
	if os.Geteuid() != 0 || a.owns(data) || !exists(data) {
		return nil
	}
	err := filepath.WalkDir(data, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == data {
			return err
		}
		return a.own(path)
	})
	if err != nil {
		return fmt.Errorf("walk %s: %w", data, err)
	}
	return a.own(data)
}
