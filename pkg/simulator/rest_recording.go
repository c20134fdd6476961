package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// recordingEndpoints are the operations on recordings; fetching one shares its
// path with its media, see serveRecordingFile.
var recordingEndpoints = []endpoint{
	{
		"GET", "/2010-04-01/Accounts/{account}/Recordings.json",
		append([]string{"DateCreated", "DateCreated<", "DateCreated>", "CallSid", "ConferenceSid", "IncludeSoftDeleted"}, paging...),
		(*Simulator).listRecordings,
	},
	{"DELETE", "/2010-04-01/Accounts/{account}/Recordings/{file}", nil, (*Simulator).deleteRecording},
}

// fetchRecordingEndpoint is served by serveRecordingFile.
var fetchRecordingEndpoint = endpoint{
	"GET", "/2010-04-01/Accounts/{account}/Recordings/{file}", []string{"IncludeSoftDeleted"}, (*Simulator).fetchRecording,
}

// recordingResource is a recording as the REST API shows it.
type recordingResource struct {
	SID               string                 `json:"sid"`
	AccountSID        string                 `json:"account_sid"`
	CallSID           string                 `json:"call_sid"`
	ConferenceSID     *string                `json:"conference_sid"`
	Status            schema.RecordingStatus `json:"status"`
	Source            string                 `json:"source"`
	Track             string                 `json:"track,omitempty"`
	Channels          int                    `json:"channels"`
	Duration          *string                `json:"duration"`
	StartTime         string                 `json:"start_time"`
	ErrorCode         *int                   `json:"error_code"`
	EncryptionDetails map[string]string      `json:"encryption_details"`
	Price             *string                `json:"price"`
	PriceUnit         string                 `json:"price_unit"`
	APIVersion        string                 `json:"api_version"`
	DateCreated       string                 `json:"date_created"`
	DateUpdated       string                 `json:"date_updated"`
	URI               string                 `json:"uri"`
	MediaURL          string                 `json:"media_url,omitempty"`
}

func (s *Simulator) showRecording(r *recording, now time.Time) recordingResource {
	path := recordingPath(s.config.AccountSID, r.sid)
	shown := recordingResource{
		SID: r.sid, AccountSID: s.config.AccountSID, CallSID: r.callSID, Status: r.statusAt(now), Source: r.source,
		Channels: r.channels, StartTime: rfc2822(r.started), PriceUnit: "USD", APIVersion: apiVersion,
		DateCreated: rfc2822(r.started), DateUpdated: rfc2822(r.started), URI: path + ".json",
		MediaURL: "http://api.twilio.com" + path,
	}
	if s.config.Account.Encrypted {
		shown.EncryptionDetails = map[string]string{"type": "rsa-aes", "public_key_sid": "CR" + r.sid[2:], "encrypted_cek": "c2ltdWxhdGVk", "iv": "c2ltdWxhdGVk"}
	}
	if s.config.Account.External {
		shown.MediaURL = "https://recordings.s3.example.com/" + s.config.AccountSID + "/" + r.sid
	}
	switch shown.Status {
	case schema.RecordingCompleted:
		shown.Duration = optional(itoa(r.duration()))
	case schema.RecordingAbsent, schema.RecordingFailed:
		shown.ErrorCode = &r.errorCode
	}
	return shown
}

// showCallRecording is a recording as the call's own list shows it.
func (s *Simulator) showCallRecording(r *recording, now time.Time) recordingResource {
	shown := s.showRecording(r, now)
	shown.Track, shown.MediaURL = r.track, ""
	shown.URI = callPath(s.config.AccountSID, r.callSID) + "/Recordings/" + r.sid + ".json"
	return shown
}

// createCallRecording starts a recording on a call that is in progress. A call
// that is being recorded by an earlier start keeps that one recording.
func (s *Simulator) createCallRecording(r *request) (reply, error) {
	ref, err := s.findCall(r, r.PathValue("call"))
	if err != nil {
		return reply{}, err
	}
	wanted, err := r.wantedRecording(ref.leg.sid)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ref.call.over || ref.call.statusAt(ref.leg, time.Now()) != schema.StatusInProgress {
		if err := s.commit(entry{Refused: &refusedEntry{CallSID: ref.leg.sid, At: wanted.At}}); err != nil {
			return reply{}, err
		}
		return reply{}, refuse(http.StatusBadRequest, 21220, "Unable to create record: Call is not in-progress. Cannot record.")
	}
	for _, running := range ref.call.recordings {
		if running.own && !running.twiml && running.leg == ref.leg.sid {
			return reply{http.StatusCreated, s.showCallRecording(running, r.now)}, nil
		}
	}
	wanted.SID = ref.call.nextRecordingSID(ref.leg.sid)
	if err := s.commit(entry{Recording: &wanted}); err != nil {
		return reply{}, err
	}
	select {
	case ref.call.news <- struct{}{}:
	default: // The call has not yet looked after the last one, and will see both.
	}
	return reply{http.StatusCreated, s.showCallRecording(s.recordings[wanted.SID], r.now)}, nil
}

// wantedRecording reads a start's parameters.
func (r *request) wantedRecording(callSID string) (recordingEntry, error) {
	e := recordingEntry{
		CallSID: callSID, At: r.now.UTC(), Channels: 1, Track: orDefault(r.params.Get("RecordingTrack"), "both"),
		Callback: r.params.Get("RecordingStatusCallback"), Method: orDefault(r.params.Get("RecordingStatusCallbackMethod"), "POST"),
		Events: strings.Fields(strings.Join(r.params["RecordingStatusCallbackEvent"], " ")),
	}
	if r.params.Get("RecordingChannels") == "dual" && e.Track == "both" {
		e.Channels = 2
	}
	if len(e.Events) == 0 {
		e.Events = []string{"completed"}
	}
	for name, allowed := range map[string][]string{
		"RecordingChannels": {"mono", "dual"}, "RecordingTrack": {"both", "inbound", "outbound"},
		"Trim": {"trim-silence", "do-not-trim"}, "RecordingStatusCallbackMethod": {"GET", "POST"},
	} {
		if value := r.params.Get(name); value != "" && !slices.Contains(allowed, value) {
			return e, refuse(http.StatusBadRequest, 20001, "%s %s is not valid", name, value)
		}
	}
	for _, event := range e.Events {
		if !slices.Contains([]string{"in-progress", "completed", "absent"}, event) {
			return e, refuse(http.StatusBadRequest, 20001, "RecordingStatusCallbackEvent %s is not valid", event)
		}
	}
	return e, nil
}

// updateCallRecording pauses, resumes or stops a recording while its call
// lasts; Twilio.CURRENT is the only one that is running.
func (s *Simulator) updateCallRecording(r *request) (reply, error) {
	ref, err := s.findCall(r, r.PathValue("call"))
	if err != nil {
		return reply{}, err
	}
	status := schema.RecordingStatus(r.params.Get("Status"))
	switch status {
	case schema.RecordingPaused, schema.RecordingStopped, schema.RecordingInProgress:
	default:
		return reply{}, refuse(http.StatusBadRequest, 20001, "Status %s is not valid", status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var running []*recording
	sid := strings.TrimSuffix(r.PathValue("file"), ".json")
	for _, recording := range ref.call.recordings {
		if recording.sid == sid || (sid == "Twilio.CURRENT" && !r.now.Before(recording.begins)) {
			running = append(running, recording)
		}
	}
	switch {
	case len(running) == 0:
		return reply{}, notFound(r.Request)
	case len(running) > 1:
		return reply{}, refuse(http.StatusBadRequest, 16108, "More than one recording is in progress")
	case !r.now.Before(ref.call.finished()):
		return reply{}, refuse(http.StatusBadRequest, 21220, "Invalid call state")
	}
	if err := s.commit(entry{Paused: &pausedEntry{SID: running[0].sid, Status: status}}); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.showCallRecording(running[0], r.now)}, nil
}

// visible lists the recordings that have begun.
func (s *Simulator) visible(calls []*call, r *request) ([]*recording, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*recording
	for _, c := range calls {
		for _, recording := range c.recordings {
			gone := !recording.deleted.IsZero() && r.params.Get("IncludeSoftDeleted") != "true"
			within, err := r.within("DateCreated", recording.started)
			if err != nil {
				return nil, err
			}
			if !gone && within && !r.now.Before(recording.begins) {
				all = append(all, recording)
			}
		}
	}
	return all, nil
}

func (s *Simulator) listCallRecordings(r *request) (reply, error) {
	ref, err := s.findCall(r, r.PathValue("call"))
	if err != nil {
		return reply{}, err
	}
	all, err := s.visible([]*call{ref.call}, r)
	if err != nil {
		return reply{}, err
	}
	all = slices.DeleteFunc(all, func(recording *recording) bool { return recording.callSID != ref.leg.sid })
	return s.recordingPage(r, all, s.showCallRecording)
}

func (s *Simulator) listRecordings(r *request) (reply, error) {
	s.mu.Lock()
	calls := slices.Clone(s.calls)
	s.mu.Unlock()
	all, err := s.visible(calls, r)
	if err != nil {
		return reply{}, err
	}
	if sid := r.params.Get("CallSid"); sid != "" {
		all = slices.DeleteFunc(all, func(recording *recording) bool { return recording.callSID != sid })
	}
	if r.params.Get("ConferenceSid") != "" {
		all = nil
	}
	return s.recordingPage(r, all, s.showRecording)
}

func (s *Simulator) recordingPage(r *request, all []*recording, show func(*recording, time.Time) recordingResource) (reply, error) {
	key := func(recording *recording) string { return listKey(recording.begins, recording.sid) }
	s.mu.Lock()
	defer s.mu.Unlock()
	return apiPage(r, "recordings", all, key, func(recording *recording) any { return show(recording, r.now) })
}

// findRecording finds a recording that has begun. A deleted one is found only
// where asked for.
func (s *Simulator) findRecording(r *request, sid string, deleted bool) (*recording, error) {
	found, ok := s.recordings[sid]
	if !ok || r.now.Before(found.begins) || (!found.deleted.IsZero() && !deleted) {
		return nil, notFound(r.Request)
	}
	return found, nil
}

func (s *Simulator) fetchRecording(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findRecording(r, strings.TrimSuffix(r.PathValue("file"), ".json"), r.params.Get("IncludeSoftDeleted") == "true")
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.showRecording(found, r.now)}, nil
}

func (s *Simulator) deleteRecording(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findRecording(r, strings.TrimSuffix(r.PathValue("file"), ".json"), false)
	if err != nil {
		return reply{}, err
	}
	if err := s.commit(entry{Deleted: &momentEntry{SID: found.sid, At: r.now.UTC()}}); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}
