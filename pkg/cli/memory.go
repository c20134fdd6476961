package cli

import (
	"os"
	"runtime/debug"
)

// garbagePercent is by how much the heap of a role that turns over many small
// events may grow before it is collected. At Go's own 100 such a role, of which
// hardly anything lives, spends a fifth of its time on collecting; at 400 it
// takes some 20 MB more under load, and none at rest.
const garbagePercent = 400

// turnOver makes a role collect less often, unless GOGC says otherwise.
func turnOver() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}
