package embedded

import (
	"strconv"
	"strings"
	"testing"

	"github.com/loquent/callstream/schema"
)

func TestSecondProcessIsRefusedAndToldWhoHoldsTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := play(t, "lock", dir)
	holder.line(t)
	_, err := Lock(dir)
	if schema.CodeOf(err) != schema.Conflict {
		t.Fatalf("second lock: %v, want a conflict", err)
	}
	if pid := strconv.Itoa(holder.cmd.Process.Pid); !strings.Contains(err.Error(), "(pid "+pid+")") {
		t.Errorf("error does not name pid %s: %v", pid, err)
	}
	if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("error does not say what to do: %v", err)
	}
}

func TestKilledProcessLeavesTheFolderFree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := play(t, "lock", dir)
	holder.line(t)
	holder.kill()
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
}

func TestUnlockGivesTheFolderBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		lock, err := Lock(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
}
