//go:build !linux

package embedded

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// attributes returns what makes a child run as the account. These systems
// send no signal when a parent dies: the next start stops what was left.
func (a account) attributes(syscall.Signal) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{}
	if a.uid != os.Geteuid() {
		attributes.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attributes
}

// namespaced reports that there are no user namespaces.
func namespaced() (account, bool) { return account{}, false }

// isPostmaster reports whether the process runs and is a server on data,
// which is in its command line.
func isPostmaster(pid int, data string) bool {
	out, err := exec.Command("ps", "-p", strconv.Itoa(pid), "-o", "command=").Output()
	return err == nil && strings.Contains(string(out), data)
}
