package stream

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// Settings size the streams.
type Settings struct {
	Replicas            int
	CallsMaxBytes       int64
	DeadLettersMaxBytes int64
	CallsMaxAge         time.Duration
	DeadLettersMaxAge   time.Duration
	Duplicates          time.Duration // window in which a message id is remembered
}

// DefaultSettings keeps calls for 30 days and dead letters for 90, and
// remembers message ids for an hour longer than Twilio repeats an event. An
// event takes about a kilobyte by the stream's count (a quarter of that on
// disk), so that CALLS has room for some four million.
func DefaultSettings(replicas int) Settings {
	return Settings{
		Replicas:            max(replicas, 1),
		CallsMaxBytes:       4 << 30,
		DeadLettersMaxBytes: 1 << 30,
		CallsMaxAge:         30 * 24 * time.Hour,
		DeadLettersMaxAge:   90 * 24 * time.Hour,
		Duplicates:          5 * time.Hour,
	}
}

// streams are the declarations of both streams. Retention is by limits: any
// other would delete what a replay needs, and would forget the message ids of
// what it deleted at the next restart.
func (s Settings) streams() []jetstream.StreamConfig {
	common := jetstream.StreamConfig{
		Storage:           jetstream.FileStorage,
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardOld,
		Compression:       jetstream.S2Compression,
		AllowDirect:       true,
		Replicas:          s.Replicas,
		MaxMsgs:           -1,
		MaxConsumers:      -1,
		MaxMsgSize:        -1,
		MaxMsgsPerSubject: -1,
		Duplicates:        s.Duplicates,
		Metadata:          map[string]string{"managed-by": "callstream"},
	}
	calls, letters := common, common
	calls.Name, calls.Subjects = schema.StreamCalls, schema.StreamCallsSubjects
	calls.Description = "normalized events of calls, recordings and messages"
	calls.MaxBytes, calls.MaxAge = s.CallsMaxBytes, s.CallsMaxAge
	letters.Name, letters.Subjects = schema.StreamDeadLetters, []string{schema.DeadLetterSubjects}
	letters.Description = "messages that nobody could process, with reason and bytes"
	letters.MaxBytes, letters.MaxAge = s.DeadLettersMaxBytes, s.DeadLettersMaxAge
	return []jetstream.StreamConfig{calls, letters}
}
