package streamtest

import (
	"errors"

	"github.com/loquent/callstream/pkg/stream"
)

// VerdictOf returns what a handler's error asks of the runner; the zero Verdict
// for one that leaves that to the runner, and for nil.
func VerdictOf(err error) stream.Verdict {
	var v *stream.Verdict
	if errors.As(err, &v) {
		return *v
	}
	return stream.Verdict{}
}
