package messages_test

import (
	"errors"
	"time"

	"github.com/loquent/callstream/pkg/stream"
)

const (
	terminal = stream.KindTerminal
	retried  = stream.KindRetry
	snoozed  = stream.KindSnooze
)

type verdict struct {
	kind string
	wait time.Duration
}

func verdictOf(err error) verdict {
	var v *stream.Verdict
	if errors.As(err, &v) {
		return verdict{v.Kind, v.Wait}
	}
	return verdict{}
}
