package ingress

import "github.com/loquent/callstream/schema"

// readRecording reads a recording's status callback.
func readRecording(d *delivery) []verdict {
	return d.readCallback(schema.KindRecordingProcessed, recordingProcessed)
}

// recordingProcessed makes the event of a recording that Twilio is done with.
// There is no From or To in it, and the call is the parent of two legs.
//
// RecordingUrl is not read: URLs are built from SIDs, never taken from others.
func recordingProcessed(meta schema.Header, p params) (schema.Event, error) {
	status, ok := schema.ParseRecordingStatus(p.get("RecordingStatus"))
	switch status {
	case schema.RecordingCompleted, schema.RecordingAbsent, schema.RecordingFailed:
	default:
		if !ok {
			return nil, schema.Errorf(schema.Invalid, "RecordingStatus %q is not known", shorten(p.get("RecordingStatus")))
		}
		return nil, useless("recording." + string(status))
	}
	meta, err := stamp(meta, p)
	if err != nil {
		return nil, err
	}
	if err := schema.CheckSID("CallSid", p.get("CallSid"), schema.CallPrefix); err != nil {
		return nil, err
	}
	if err := schema.CheckSID("RecordingSid", p.get("RecordingSid"), schema.RecordingPrefix); err != nil {
		return nil, err
	}
	facts := schema.RecordingFacts{
		RecordingSID: p.get("RecordingSid"),
		CallSID:      p.get("CallSid"),
		Status:       status,
		Source:       shorten(p.get("RecordingSource")),
		Track:        shorten(p.get("RecordingTrack")),
		Channels:     count(p.get("RecordingChannels")),
		StartedAt:    moment(p.get("RecordingStartTime")),
		ErrorCode:    count(p.get("ErrorCode")),
	}
	if status == schema.RecordingCompleted {
		facts.Duration = seconds(p.get("RecordingDuration"))
	}
	return schema.RecordingProcessed{Header: meta, Recording: facts}, nil
}
