package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pidFile is what a PostgreSQL server tells of itself in its data folder
// while it runs, and what a killed one leaves there.
type pidFile struct {
	path  string
	pid   int  // zero: no file, or one that is being written
	ready bool // the server accepts connections
}

// readPIDFile reads postmaster.pid. Its first line is the process number,
// negative for a server in single-user mode; its eighth, the state.
func readPIDFile(data string) (pidFile, error) {
	file := pidFile{path: filepath.Join(data, "postmaster.pid")}
	text, err := os.ReadFile(file.path)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return file, fmt.Errorf("read state of PostgreSQL: %w", err)
	}
	lines := strings.Split(string(text), "\n")
	if pid, err := strconv.Atoi(strings.TrimSpace(lines[0])); err == nil {
		file.pid = max(pid, -pid)
	}
	file.ready = len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"
	return file, nil
}

// remove deletes a file whose server is gone.
func (f pidFile) remove() error {
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove stale state of PostgreSQL: %w", err)
	}
	return nil
}
