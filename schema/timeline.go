package schema

import "time"

// Entry is the timeline's line for an event that the stream stored as sequence
// at storedAt; detail says in a few words what came of it. A consumer adds one
// for each message that it finishes; a repeat has the same identity.
func Entry(e Event, sequence uint64, storedAt time.Time, detail string) TimelineEntry {
	call, recording := e.Refs()
	meta := e.Meta()
	return TimelineEntry{
		CallSID:      call,
		RecordingSID: recording,
		MsgID:        e.MsgID(),
		Kind:         e.Kind(),
		Origin:       meta.Origin,
		OccurredAt:   meta.OccurredAt,
		StoredAt:     storedAt,
		Sequence:     sequence,
		Detail:       detail,
	}
}

// StageHeader is the header of an event that the pipeline itself raises about
// the account's call.
func StageHeader(a Account, at time.Time) Header {
	return Header{AccountSID: a.AccountSID, OrganizationID: a.OrganizationID, OccurredAt: at, Origin: OriginPipeline}
}
