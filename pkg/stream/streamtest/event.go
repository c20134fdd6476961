package streamtest

import (
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// SID returns the n-th SID of a kind.
func SID(prefix string, n int) string { return fmt.Sprintf("%s%032x", prefix, n) }

// Answered returns an event about the n-th call of the first account.
func Answered(n int) schema.CallAnswered {
	return schema.CallAnswered{
		Header: schema.Header{
			AccountSID:     SID(schema.AccountPrefix, 1),
			OrganizationID: "org-1",
			OccurredAt:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Origin:         schema.OriginCallback,
		},
		Call: schema.CallFacts{CallSID: SID(schema.CallPrefix, n)},
	}
}

// Processed returns an event about the n-th recording, of the n-th call.
func Processed(n int) schema.RecordingProcessed {
	return schema.RecordingProcessed{
		Header:    Answered(n).Header,
		Recording: schema.RecordingFacts{RecordingSID: SID(schema.RecordingPrefix, n), CallSID: SID(schema.CallPrefix, n), Status: schema.RecordingCompleted},
	}
}
