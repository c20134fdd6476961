package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who a child process runs as: this process's own user, another
// one, or this user under another name within a user namespace.
type account struct {
	uid, gid  int // of the files that the child owns, as this process sees them
	namespace bool
}

// rootless settles who runs PostgreSQL for root, whom it refuses, and where
// its home lies: root under another number in a user namespace, who keeps the
// home, or else an unprivileged user.
func rootless(home string, logger *slog.Logger) (account, string) {
	if acct, ok := namespaced(); ok {
		return acct, home
	}
	return unprivileged(home, logger)
}

// unprivileged returns the user that packages of PostgreSQL make, or nobody.
// The data folder becomes passable for that user, though not readable. When
// a folder above it is closed, the home lies in /var/lib.
func unprivileged(home string, logger *slog.Logger) (account, string) {
	acct := account{uid: 65534, gid: 65534}
	if known, err := user.Lookup("postgres"); err == nil {
		acct.uid, _ = strconv.Atoi(known.Uid)
		acct.gid, _ = strconv.Atoi(known.Gid)
	}
	dir := filepath.Dir(home)
	if !passable(filepath.Dir(dir)) {
		sum := sha256.Sum256([]byte(home))
		moved := filepath.Join("/var/lib/callstream", hex.EncodeToString(sum[:6]), "postgres")
		logger.Warn("PostgreSQL cannot run as root and its user cannot reach the data folder; the database lies elsewhere",
			"data", home, "database", moved)
		_ = os.MkdirAll(filepath.Dir(moved), 0o711)
		return acct, moved
	}
	if info, err := os.Stat(dir); err == nil {
		_ = os.Chmod(dir, info.Mode().Perm()|0o011) // initdb tells if this was not enough
	}
	return acct, home
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
		return err
	}
	return a.own(data)
}
