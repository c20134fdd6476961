package consumers

import (
	"slices"
	"strings"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// The durables' names.
const (
	Calls       = "calls"
	Recorder    = "recorder"
	Archiver    = "archiver"
	Transcriber = "transcriber"
	Reaper      = "reaper"
	Messages    = "messages"
)

// table lists the durables in the order in which a call meets them.
//
// How long each tries is about failures that repeat: while a dependency is
// away, attempts are free. A row that cannot be stored is soon clear. A start of
// recording is worth seconds; the recorder itself ends the wait with a decision,
// and its long backoff is for storing that decision. Audio, text and deletion
// wait for services and credentials that people may have to mend: days.
var table = []stream.Durable{
	{
		Name:          Calls,
		Description:   "merges the news of calls into their rows",
		Filters:       []string{schema.KindCallAnswered + ".*", schema.KindCallReceived + ".*", schema.KindCallCompleted + ".*", schema.KindInsightsSummary + ".*"},
		AckWait:       30 * time.Second,
		MaxAckPending: 5000,
		Workers:       2,
		Batch:         500,
		BatchWait:     time.Millisecond, // recordings of inbound calls wait for it; behind a busy database batches fill anyway
		Backoff:       rowBackoff,
		MaxAttempts:   rowAttempts,
	},
	{
		Name:          Recorder,
		Description:   "decides whether an answered call is recorded, and starts it",
		Filters:       []string{schema.KindCallAnswered + ".*"},
		AckWait:       30 * time.Second,
		MaxAckPending: 1000,
		Workers:       16,
		Backoff: []time.Duration{
			500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
			30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute,
		},
		MaxAttempts: 120,
	},
	{
		Name:          Archiver,
		Description:   "copies recordings from Twilio to S3",
		Filters:       []string{schema.KindRecordingProcessed + ".*"},
		AckWait:       60 * time.Second,
		MaxAckPending: 1000,
		Workers:       8,
		Backoff:       serviceBackoff,
		MaxAttempts:   serviceAttempts,
	},
	{
		Name:          Transcriber,
		Description:   "turns archived recordings into text",
		Filters:       []string{schema.KindRecordingArchived + ".*"},
		AckWait:       60 * time.Second,
		MaxAckPending: 1000,
		Workers:       4,
		Backoff:       serviceBackoff,
		MaxAttempts:   serviceAttempts,
	},
	{
		Name:          Reaper,
		Description:   "deletes at Twilio what is archived and transcribed",
		Filters:       []string{schema.KindRecordingTranscribed + ".*"},
		AckWait:       30 * time.Second,
		MaxAckPending: 1000,
		Workers:       4,
		Backoff:       serviceBackoff,
		MaxAttempts:   serviceAttempts,
	},
	{
		Name:          Messages,
		Description:   "merges the news of SMS messages into their rows",
		Filters:       []string{"message.>"},
		AckWait:       30 * time.Second,
		MaxAckPending: 5000,
		Workers:       1,
		Batch:         500,
		BatchWait:     5 * time.Millisecond,
		Backoff:       rowBackoff,
		MaxAttempts:   rowAttempts,
	},
}

// rowBackoff and rowAttempts try for a quarter of an hour. The steps stay
// within a minute, since longer waits are rows in the very database that is in
// question.
var rowBackoff = []time.Duration{
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute,
}

const rowAttempts = 23

// serviceBackoff and serviceAttempts outlive three days: first seconds, as for
// media that Twilio announces before it serves them, then minutes, then an
// hour each.
var serviceBackoff = []time.Duration{
	time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, time.Hour,
}

const serviceAttempts = 84

// Table returns the durables in the order in which a call meets them. The
// caller owns it and may change, say, the number of workers.
func Table() []stream.Durable {
	durables := slices.Clone(table)
	for i := range durables {
		durables[i].Filters = slices.Clone(durables[i].Filters)
		durables[i].Backoff = slices.Clone(durables[i].Backoff)
	}
	return durables
}

// Names returns the durables' names in the same order.
func Names() []string {
	names := make([]string, len(table))
	for i, d := range table {
		names[i] = d.Name
	}
	return names
}

// Find returns the durable called name; the error is [schema.NotFound] and
// lists those that exist.
func Find(name string) (stream.Durable, error) {
	for _, d := range Table() {
		if d.Name == name {
			return d, nil
		}
	}
	return stream.Durable{}, schema.Errorf(schema.NotFound, "no durable is called %q (there are %s)", name, strings.Join(Names(), ", "))
}
