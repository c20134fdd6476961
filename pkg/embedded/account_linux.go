package embedded

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// attributes returns what makes a child run as the account and receive the
// signal when its parent's thread ends.
func (a account) attributes(death syscall.Signal) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Pdeathsig: death}
	switch {
	case a.namespace:
		attributes.Cloneflags = syscall.CLONE_NEWUSER
		inside := namedUser()
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: inside.uid, HostID: a.uid, Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: inside.gid, HostID: a.gid, Size: 1}}
	case a.uid != os.Geteuid():
		attributes.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)} //nolint:gosec // the kernel numbers users by 32 bits
	}
	return attributes
}

// namespaced returns this user within a user namespace, if the system lets a
// process into one. It asks by starting what no system executes: the error is
// of the execution where the namespace came to be, and of the namespace where
// it is forbidden, as in most containers.
func namespaced() (account, bool) {
	acct := account{uid: os.Geteuid(), gid: os.Getegid(), namespace: true}
	probe := exec.Cmd{Path: os.DevNull, SysProcAttr: acct.attributes(syscall.SIGKILL)}
	return acct, errors.Is(probe.Start(), syscall.EACCES)
}

// isPostmaster reports whether the process runs and is a server on data: a
// server's working folder is its data.
func isPostmaster(pid int, data string) bool {
	cwd, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err != nil {
		return false
	}
	dir, err := os.Stat(data)
	return err == nil && os.SameFile(cwd, dir)
}
