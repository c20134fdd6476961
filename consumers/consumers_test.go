package consumers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// TestEveryKindOfEventHasAReader keeps an event from being stored for nobody.
func TestEveryKindOfEventHasAReader(t *testing.T) {
	t.Parallel()
	readers := map[string][]string{}
	for _, d := range consumers.Table() {
		for _, filter := range d.Filters {
			readers[filter] = append(readers[filter], d.Name)
		}
	}
	for filter, want := range map[string][]string{
		schema.KindCallAnswered + ".*":         {consumers.Calls, consumers.Recorder},
		schema.KindCallReceived + ".*":         {consumers.Calls},
		schema.KindCallCompleted + ".*":        {consumers.Calls},
		schema.KindInsightsSummary + ".*":      {consumers.Calls},
		schema.KindRecordingProcessed + ".*":   {consumers.Archiver},
		schema.KindRecordingArchived + ".*":    {consumers.Transcriber},
		schema.KindRecordingTranscribed + ".*": {consumers.Reaper},
		"message.>":                            {consumers.Messages},
	} {
		if !slices.Equal(readers[filter], want) {
			t.Errorf("%s is read by %v, want %v", filter, readers[filter], want)
		}
	}
}

// TestPatience computes how long each durable tries before it gives up.
func TestPatience(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, least := range map[string]time.Duration{
		consumers.Calls: 10 * time.Minute, consumers.Messages: 10 * time.Minute, consumers.Recorder: day,
		consumers.Archiver: 3 * day, consumers.Transcriber: 3 * day, consumers.Reaper: 3 * day,
	} {
		d, err := consumers.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		total := time.Duration(0)
		for attempt := range d.MaxAttempts - 1 {
			total += d.Backoff[min(attempt, len(d.Backoff)-1)]
		}
		if total < least || total > 14*day {
			t.Errorf("%s gives up after %s, want at least %s", name, total, least)
		}
		if !slices.IsSorted(d.Backoff) {
			t.Errorf("%s waits %v", name, d.Backoff)
		}
		if d.AckWait < 30*time.Second {
			t.Errorf("%s: after a restart the server counts in whole seconds; an ack wait of %s is too short", name, d.AckWait)
		}
		if d.MaxAckPending < d.Workers*max(1, d.Batch) {
			t.Errorf("%s: %d messages in flight do not feed %d workers", name, d.MaxAckPending, d.Workers)
		}
	}
}

func TestTheTableIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	mine := consumers.Table()
	mine[0].Workers, mine[0].Backoff[0] = 99, time.Hour
	if again := consumers.Table(); again[0].Workers == 99 || again[0].Backoff[0] == time.Hour {
		t.Error("a change to the table is everybody's")
	}
	if names := consumers.Names(); len(names) != len(mine) || names[0] != consumers.Calls {
		t.Errorf("names are %v", names)
	}
}

func TestAnUnknownNameIsAnsweredWithTheKnownOnes(t *testing.T) {
	t.Parallel()
	_, err := consumers.Find("calls ")
	if schema.CodeOf(err) != schema.NotFound {
		t.Fatalf("got %v", err)
	}
}
