package schema_test

import (
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

func TestARecordingEndsItsDurationAfterItsStart(t *testing.T) {
	t.Parallel()
	start, duration := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), 90
	if at, ok := (schema.RecordingFacts{StartedAt: &start, Duration: &duration}).EndedAt(); !ok || !at.Equal(start.Add(90*time.Second)) {
		t.Errorf("ended at %v, %v", at, ok)
	}
	for _, unknown := range []schema.RecordingFacts{{}, {StartedAt: &start}, {Duration: &duration}} {
		if at, ok := unknown.EndedAt(); ok {
			t.Errorf("%+v ended at %v, though that is not known", unknown, at)
		}
	}
}
