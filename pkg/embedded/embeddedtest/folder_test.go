package embeddedtest

import (
	"os"
	"testing"

	"github.com/loquent/callstream/pkg/embedded"
)

func TestFoldersOfTheDeadAreRemovedAndThoseOfTheLivingStay(t *testing.T) {
	t.Parallel()
	dead, err := os.MkdirTemp("", usedFolders)
	if err != nil {
		t.Fatal(err)
	}
	living, err := newFolder() // sweeps
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(living.dir)
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the folder of a dead binary is still there: %v", err)
	}
	if err := sweep(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(living.dir); err != nil {
		t.Errorf("the folder of a living binary: %v", err)
	}
	if _, err := embedded.Lock(living.dir); err == nil {
		t.Error("the folder of a living binary is not locked")
	}
}
