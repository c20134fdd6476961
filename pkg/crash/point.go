package crash

import (
	"cmp"
	"strings"
)

// Point is where a process can be killed: before or after a step.
type Point struct {
	Step  string // such as "publish recording.archived" or "INSERT call_event"
	After bool   // after the server has done it, and before the process knows
}

// String returns the point as "after publish recording.archived".
func (p Point) String() string { return p.When() + " " + p.Step }

// When returns "before" or "after".
func (p Point) When() string {
	if p.After {
		return "after"
	}
	return "before"
}

// Compare orders points by step, before comes before after.
func (p Point) Compare(other Point) int {
	return cmp.Or(strings.Compare(p.Step, other.Step), strings.Compare(other.When(), p.When()))
}
