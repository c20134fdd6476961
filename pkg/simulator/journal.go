package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/loquent/callstream/schema"
)

// entry is one line of the journal: something that Twilio would remember. One
// field is set. The simulator's state is the fold of its entries, whether they
// were made now or read back.
type entry struct {
	World        *world             `json:"world,omitempty"`
	Call         *callEntry         `json:"call,omitempty"`
	Recording    *recordingEntry    `json:"recording,omitempty"`
	Refused      *refusedEntry      `json:"refused,omitempty"`
	Paused       *pausedEntry       `json:"paused,omitempty"`
	Fetched      *momentEntry       `json:"fetched,omitempty"`
	Deleted      *momentEntry       `json:"deleted,omitempty"`
	Settled      *settledEntry      `json:"settled,omitempty"`
	Done         *doneEntry         `json:"done,omitempty"`
	Flag         *flagEntry         `json:"flag,omitempty"`
	Sink         *sinkEntry         `json:"sink,omitempty"`
	Subscription *subscriptionEntry `json:"subscription,omitempty"`
	Number       *numberEntry       `json:"number,omitempty"`
	Voice        *voiceEntry        `json:"voice,omitempty"`
}

// callEntry is a call that was placed, with all that its course depends on.
type callEntry struct {
	Index  int       `json:"index"`
	Seed   uint64    `json:"seed"`
	At     time.Time `json:"at"`
	Speed  float64   `json:"speed"`
	Faults Faults    `json:"faults"`

	Called *numberEntry `json:"called,omitempty"` // the number that asks how to answer, as it was set up; nil: none does
	Ours   bool         `json:"ours,omitempty"`   // and it asks callstream
}

// recordingEntry is a recording that a request started.
type recordingEntry struct {
	SID      string    `json:"sid"`
	CallSID  string    `json:"call_sid"` // the leg that was asked for
	At       time.Time `json:"at"`
	Channels int       `json:"channels"`
	Track    string    `json:"track"`
	Callback string    `json:"callback,omitempty"`
	Method   string    `json:"method,omitempty"`
	Events   []string  `json:"events,omitempty"`
}

// refusedEntry is a request for a recording that was refused because the call
// was not in progress.
type refusedEntry struct {
	CallSID string    `json:"call_sid"`
	At      time.Time `json:"at"`
}

// pausedEntry is a recording that was paused, resumed or stopped.
type pausedEntry struct {
	SID    string                 `json:"sid"`
	Status schema.RecordingStatus `json:"status"`
}

// momentEntry is when something happened to a recording.
type momentEntry struct {
	SID string    `json:"sid"`
	At  time.Time `json:"at"`
}

// settledEntry is a delivery that is done with, one way or another.
type settledEntry struct {
	IDs     []string  `json:"ids"`
	Outcome outcome   `json:"outcome"`
	Answer  string    `json:"answer,omitempty"` // of a delivery that was not accepted: the last answer
	At      time.Time `json:"at"`
}

// doneEntry is a call of which nothing is left to tell.
type doneEntry struct {
	Index int `json:"index"`
}

// flagEntry is a change of call_recording_enabled.
type flagEntry struct {
	On bool      `json:"on"`
	At time.Time `json:"at"`
}

// journal is an append-only file of JSON lines. Every line is written by one
// write of its own, unbuffered: what was answered to a request survives the
// death of the process. It is not synced, so it does not survive the machine's.
type journal struct{ file *os.File }

// openJournal opens dir/journal.jsonl and hands every entry in it to apply, in
// order. A half-written last line, of a process that was killed, is dropped.
func openJournal(dir string, apply func(entry) error) (*journal, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("create the simulator's folder: %w", err)
	}
	name := filepath.Join(dir, "journal.jsonl")
	whole, err := replay(name, apply)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // The folder is the caller's choice.
	if err != nil {
		return nil, fmt.Errorf("open the simulator's journal: %w", err)
	}
	if err := file.Truncate(whole); err != nil {
		return nil, errors.Join(fmt.Errorf("drop the half line of the simulator's journal: %w", err), file.Close())
	}
	return &journal{file: file}, nil
}

// replay applies the entries of a file and returns how many bytes of it are
// whole lines. A file that does not exist is empty.
func replay(name string, apply func(entry) error) (whole int64, err error) {
	data, err := os.ReadFile(name) //nolint:gosec // The folder is the caller's choice.
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the simulator's journal: %w", err)
	}
	for number := 1; ; number++ {
		line, rest, complete := bytes.Cut(data, []byte("\n"))
		if !complete {
			return whole, nil
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return 0, schema.Errorf(schema.Corrupt, "read line %d of %s: %w", number, name, err)
		}
		if err := apply(e); err != nil {
			return 0, fmt.Errorf("line %d of %s: %w", number, name, err)
		}
		data, whole = rest, whole+int64(len(line))+1
	}
}

// write appends an entry.
func (j *journal) write(e entry) error {
	if j == nil {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a line of the simulator's journal: %w", err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the simulator's journal: %w", err)
	}
	return nil
}

// Close closes the file.
func (j *journal) Close() error {
	if j == nil {
		return nil
	}
	if err := j.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close the simulator's journal: %w", err)
	}
	return nil
}
