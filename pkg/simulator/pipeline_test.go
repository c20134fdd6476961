package simulator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/schema"
)

const (
	testAccount = "AC00000000000000000000000000000001"
	testToken   = "0123456789abcdef0123456789abcdef"
	testOrg     = "org-1"
)

// fake is a pipeline that does what a pipeline should, in memory, as soon as
// it is told. Its func fields plant faults.
type fake struct {
	t      *testing.T
	server *httptest.Server
	twilio string // the simulator's address
	config Config

	refuse func(r *http.Request, body []byte) int      // answers a webhook instead of taking it; 0: takes it
	tamper func(row *schema.CallRecord) (keep bool)    // changes what is stored
	decide func(callSID string) bool                   // whether to record; nil: always
	onto   func(callSID, parentSID string) (on string) // which leg to record; nil: the parent
	remove func(recordingSID string) bool              // whether to delete at Twilio; nil: always
	twiml  func(callSID, document string) string       // changes an answer to a call

	switching  sync.RWMutex // held while the flag, once looked at, must not change
	work       sync.WaitGroup
	mu         sync.Mutex
	facts      map[string]schema.CallFacts
	rows       map[string]bool
	decisions  map[string]*schema.Decision
	recordings map[string]*schema.RecordingRecord
	objects    map[string][]byte
	invalid    []string // deliveries whose signature was not right
}

// newFake starts a pipeline that listens, and a configuration that points a
// simulator to it.
func newFake(t *testing.T) *fake {
	f := &fake{
		t: t, facts: map[string]schema.CallFacts{}, rows: map[string]bool{}, decisions: map[string]*schema.Decision{},
		recordings: map[string]*schema.RecordingRecord{}, objects: map[string][]byte{},
	}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	f.config = Config{
		Seed: 7, Speed: 100, Rate: 400, Calls: 60, InsightsDelay: time.Second,
		AccountSID: testAccount, AuthToken: testToken, OrganizationID: testOrg,
		Numbers: []string{"+15005550001", "+15005550002"},
		Target:  "https://callstream.example.com", Dial: f.server.URL, TranscriptsKnown: true,
	}
	return f
}

// start makes a simulator and serves it to the pipeline.
func (f *fake) start() *Simulator {
	f.t.Helper()
	s, err := New(f.config)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = s.Close() })
	server := httptest.NewServer(s.Handler())
	f.t.Cleanup(server.Close)
	f.twilio = server.URL
	return s
}

// run runs a simulator to its end, the pipeline's work included.
func (f *fake) run(s *Simulator) {
	f.t.Helper()
	if err := s.Run(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	f.work.Wait()
}

// verify runs the comparison.
func (f *fake) verify(s *Simulator) Report {
	f.t.Helper()
	report, err := s.Verify(f.t.Context(), f)
	if err != nil {
		f.t.Fatal(err)
	}
	return report
}

// serve takes a webhook: signature first, then the facts.
func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if f.refuse != nil {
		if status := f.refuse(r, body); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	target := "https://" + r.Host + r.URL.RequestURI()
	got := r.Header.Get("X-Twilio-Signature")
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		sum := sha256.Sum256(body)
		if r.URL.Query().Get("bodySHA256") != hex.EncodeToString(sum[:]) || got != signText(testToken, target) {
			f.reject(w, target)
			return
		}
		f.takeEvents(body)
		return
	}
	form, _ := url.ParseQuery(string(body))
	if got != signForm(testToken, target, form) {
		f.reject(w, target)
		return
	}
	switch r.URL.Path {
	case "/twilio/recording":
		f.takeRecording(form)
	case "/twilio/voice":
		f.answerCall(w, r, form)
	default:
		f.takeCall(form)
		writeTwiML(w, "<Response/>")
	}
}

func (f *fake) reject(w http.ResponseWriter, target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.invalid = append(f.invalid, target)
	w.WriteHeader(http.StatusForbidden)
}

func (f *fake) takeEvents(body []byte) {
	var events []cloudEvent
	if json.Unmarshal(body, &events) != nil {
		events = make([]cloudEvent, 1)
		if err := json.Unmarshal(body, &events[0]); err != nil {
			f.t.Errorf("undecodable events %s", body)
		}
	}
	for _, e := range events {
		data := []byte(e.Data)
		var quoted string
		if json.Unmarshal(data, &quoted) == nil {
			data = []byte(quoted)
		}
		switch eventType := presentType(e.Type); {
		case strings.HasPrefix(eventType, summaryPrefix):
			f.takeSummary(data)
		case strings.HasPrefix(eventType, statusCallbackPrefix):
			var mirrored struct {
				Request struct{ Parameters map[string]string }
			}
			_ = json.Unmarshal(data, &mirrored)
			form := url.Values{}
			for name, value := range mirrored.Request.Parameters {
				form.Set(name, value)
			}
			if strings.HasSuffix(eventType, "recording.processed") {
				f.takeRecording(form)
			} else {
				f.takeCall(form)
			}
		}
	}
}

// takeCall merges a status callback and records an answered call.
func (f *fake) takeCall(form url.Values) {
	facts := schema.CallFacts{
		CallSID: form.Get("CallSid"), ParentCallSID: form.Get("ParentCallSid"),
		From: schema.NormalizeNumber(form.Get("From")), To: schema.NormalizeNumber(form.Get("To")),
	}
	facts.Status, _ = schema.ParseCallStatus(form.Get("CallStatus"))
	facts.Leg, _ = schema.ParseLeg(form.Get("Direction"))
	at, _ := schema.ParseTime(form.Get("Timestamp"))
	switch {
	case !form.Has("Timestamp"): // An action URL's request tells no times.
		if facts.Status.Final() {
			f.merge(facts, true)
		}
	case facts.Status == schema.StatusInProgress:
		facts.AnsweredAt = &at
		f.merge(facts, true)
		f.work.Go(func() { f.record(facts) })
	case facts.Status.Final():
		seconds, _ := schema.ParseSeconds(form.Get("CallDuration"))
		facts.EndedAt, facts.Duration = &at, &seconds
		_, owned := f.number(facts)
		f.merge(facts, owned)
	}
}

func (f *fake) takeSummary(data []byte) {
	var summary struct {
		CallSID       string `json:"call_sid"`
		ParentCallSID string `json:"parent_call_sid"`
		CallState     string `json:"call_state"`
		StartTime     string `json:"start_time"`
		EndTime       string `json:"end_time"`
		Connected     *int   `json:"connect_duration"`
		From          struct{ Caller string }
		To            struct{ Callee string }
		Properties    struct {
			Direction string
			TrunkSID  string `json:"trunk_sid"`
		}
	}
	if err := json.Unmarshal(data, &summary); err != nil {
		f.t.Errorf("summary: %v", err)
	}
	facts := schema.CallFacts{
		CallSID: summary.CallSID, ParentCallSID: summary.ParentCallSID, TrunkSID: summary.Properties.TrunkSID,
		From: schema.NormalizeNumber(summary.From.Caller), To: schema.NormalizeNumber(summary.To.Callee), Duration: summary.Connected,
	}
	facts.Status, _ = schema.ParseCallStatus(summary.CallState)
	facts.Leg, _ = schema.ParseLeg(summary.Properties.Direction)
	if t, ok := schema.ParseTime(summary.StartTime); ok {
		facts.StartedAt = &t
	}
	if t, ok := schema.ParseTime(summary.EndTime); ok {
		facts.EndedAt = &t
	}
	f.merge(facts, true)
}

func (f *fake) merge(facts schema.CallFacts, creates bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.facts[facts.CallSID] = f.facts[facts.CallSID].Merge(facts)
	f.rows[facts.CallSID] = f.rows[facts.CallSID] || creates
}

// number finds the organization's number on a call.
func (f *fake) number(facts schema.CallFacts) (string, bool) {
	for _, own := range f.config.Numbers {
		if facts.To == own || facts.From == own {
			return own, true
		}
	}
	return "", false
}

// record decides once per call, on its parent, and starts the recording.
func (f *fake) record(facts schema.CallFacts) {
	on := facts.CallSID
	if facts.ParentCallSID != "" {
		on = facts.ParentCallSID
	}
	f.mu.Lock()
	if f.decisions[on] != nil {
		f.mu.Unlock()
		return
	}
	d := &schema.Decision{CallSID: on, Outcome: schema.Starting}
	f.decisions[on] = d
	f.mu.Unlock()
	outcome, rule, recordingSID := f.begin(facts, on)
	f.mu.Lock()
	defer f.mu.Unlock()
	d.Outcome, d.Rule, d.RecordingSID, d.DecidedAt = outcome, rule, recordingSID, time.Now()
}

func (f *fake) begin(facts schema.CallFacts, on string) (schema.Outcome, schema.Rule, string) {
	parent := facts
	if on != facts.CallSID {
		parent = f.fetchCall(on)
	}
	if _, owned := f.number(parent); !owned {
		return schema.NotStarted, schema.RuleNumberUnknown, ""
	}
	f.switching.RLock()
	defer f.switching.RUnlock()
	if f.decide != nil && !f.decide(on) {
		return schema.NotStarted, schema.RuleDisabled, ""
	}
	if f.onto != nil {
		on = f.onto(facts.CallSID, on)
	}
	var started struct {
		SID  string
		Code int
	}
	err := f.ask("POST", "/2010-04-01/Accounts/"+testAccount+"/Calls/"+on+"/Recordings.json", url.Values{
		"RecordingChannels": {"dual"}, "RecordingTrack": {"both"}, "RecordingStatusCallbackEvent": {"in-progress completed absent"},
		"RecordingStatusCallback": {f.config.Target + "/twilio/recording?org=" + testOrg},
	}, &started)
	switch {
	case started.Code == 21220:
		return schema.NotStarted, schema.RuleCallEnded, ""
	case err != nil:
		f.t.Errorf("start on %s: %v", on, err)
		return schema.Failed, schema.RuleTwilioAway, ""
	}
	return schema.Started, schema.RuleEnabled, started.SID
}

// fetchCall asks Twilio for a call.
func (f *fake) fetchCall(sid string) schema.CallFacts {
	var call callResource
	if err := f.ask("GET", "/2010-04-01/Accounts/"+testAccount+"/Calls/"+sid+".json", nil, &call); err != nil {
		f.t.Errorf("fetch %s: %v", sid, err)
	}
	facts := schema.CallFacts{
		CallSID: sid, From: schema.NormalizeNumber(call.From), To: schema.NormalizeNumber(call.To), Leg: call.Direction,
		Status: call.Status,
	}
	if call.TrunkSID != nil {
		facts.TrunkSID = *call.TrunkSID
	}
	if call.StartTime != nil {
		t, _ := schema.ParseTime(*call.StartTime)
		facts.StartedAt = &t
	}
	if call.EndTime != nil && call.Duration != nil {
		t, _ := schema.ParseTime(*call.EndTime)
		seconds, _ := schema.ParseSeconds(*call.Duration)
		facts.EndedAt, facts.Duration = &t, &seconds
	}
	return facts
}

// takeRecording deals with a recording that is done, once.
func (f *fake) takeRecording(form url.Values) {
	status, _ := schema.ParseRecordingStatus(form.Get("RecordingStatus"))
	if status == schema.RecordingInProgress {
		return
	}
	channels, _ := schema.ParseSeconds(form.Get("RecordingChannels"))
	code, _ := schema.ParseSeconds(form.Get("ErrorCode"))
	at, _ := schema.ParseTime(form.Get("RecordingStartTime"))
	r := &schema.RecordingRecord{RecordingFacts: schema.RecordingFacts{
		RecordingSID: form.Get("RecordingSid"), CallSID: form.Get("CallSid"), Status: status, Source: form.Get("RecordingSource"),
		Track: form.Get("RecordingTrack"), Channels: channels, StartedAt: &at, ErrorCode: code,
	}, OrganizationID: testOrg, AccountSID: testAccount, Own: form.Get("RecordingSource") == schema.SourceStartCallRecordingAPI}
	if seconds, ok := schema.ParseSeconds(form.Get("RecordingDuration")); ok {
		r.Duration = &seconds
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.recordings[r.RecordingSID] != nil {
		return
	}
	if d := f.decisions[r.CallSID]; d != nil && d.ByTwiML() && (r.Source == schema.SourceDialVerb || r.Source == schema.SourceRecordVerb) {
		r.Own = true
	}
	f.recordings[r.RecordingSID] = r
	f.work.Go(func() { f.archive(r) })
}

// archive fetches, keeps, transcribes and deletes, in that order.
func (f *fake) archive(r *schema.RecordingRecord) {
	f.mu.Lock()
	known := f.rows[r.CallSID]
	f.mu.Unlock()
	if !known {
		f.merge(f.fetchCall(r.CallSID), true)
	}
	if r.Status != schema.RecordingCompleted {
		return
	}
	audio, err := f.download(r.RecordingSID, *r.Duration)
	if err != nil {
		f.t.Errorf("download %s: %v", r.RecordingSID, err)
		return
	}
	sum := sha256.Sum256(audio)
	now := time.Now()
	object := schema.Object{
		URL: "s3://recordings/" + r.RecordingSID, Key: r.RecordingSID, Size: int64(len(audio)), SHA256: hex.EncodeToString(sum[:]),
	}
	transcript, err := f.transcribe(audio)
	if err != nil {
		f.t.Errorf("transcribe %s: %v", r.RecordingSID, err)
	}
	f.mu.Lock()
	f.objects[object.Key] = audio
	r.Object, r.ArchivedAt, r.Transcript = &object, &now, &transcript
	f.mu.Unlock()
	if f.remove != nil && !f.remove(r.RecordingSID) {
		return
	}
	err = f.ask("DELETE", "/2010-04-01/Accounts/"+testAccount+"/Recordings/"+r.RecordingSID+".json", nil, nil)
	if err != nil && !errors.Is(err, errGone) {
		f.t.Errorf("delete %s: %v", r.RecordingSID, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.Receipt = &schema.DeletionReceipt{RecordingSID: r.RecordingSID, CallSID: r.CallSID, Object: object, DeletedAt: time.Now()}
}

var errGone, errNoAudio = errors.New("404"), errors.New("not audio")

// attempts is how often the pipeline repeats a request; the simulator's faults
// end before.
const attempts = 8

// ask makes a REST request until it is answered for good.
func (f *fake) ask(method, path string, form url.Values, into any) (err error) {
	for range attempts {
		var status int
		if status, err = f.askOnce(method, path, form, into); err == nil || (status >= 400 && status < 500 && status != 429) {
			return err
		}
	}
	return err
}

func (f *fake) askOnce(method, path string, form url.Values, into any) (int, error) {
	r, _ := http.NewRequestWithContext(f.t.Context(), method, f.twilio+path, strings.NewReader(form.Encode()))
	r.SetBasicAuth(testAccount, testToken)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if into != nil && len(body) > 0 {
		if err := json.Unmarshal(body, into); err != nil {
			return response.StatusCode, fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, body)
		}
	}
	switch {
	case response.StatusCode == http.StatusNotFound:
		return response.StatusCode, errGone
	case response.StatusCode >= 300:
		return response.StatusCode, fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, body)
	}
	return response.StatusCode, nil
}

// download fetches a recording until it comes whole and is audio.
func (f *fake) download(sid string, seconds int) (audio []byte, err error) {
	for range attempts {
		if audio, err = f.downloadOnce(sid, seconds); err == nil {
			return audio, nil
		}
	}
	return nil, err
}

// downloadOnce tells audio from text by its tag, and whole audio by its
// playing time.
func (f *fake) downloadOnce(sid string, seconds int) ([]byte, error) {
	r, _ := http.NewRequestWithContext(f.t.Context(), "GET", f.twilio+"/2010-04-01/Accounts/"+testAccount+"/Recordings/"+sid+".mp3", nil)
	r.SetBasicAuth(testAccount, testToken)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	audio, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !bytes.HasPrefix(audio, []byte("ID3")) {
		return nil, fmt.Errorf("media: %d, %d bytes: %w", response.StatusCode, len(audio), errors.Join(err, errNoAudio))
	}
	var meter mp3.Meter
	_, _ = meter.Write(audio)
	if got := meter.Duration().Round(time.Second); got != time.Duration(seconds)*time.Second || meter.Junk() > 0 {
		return nil, fmt.Errorf("media: plays %s of %d s, with %d bytes of junk", got, seconds, meter.Junk())
	}
	return audio, nil
}

// transcribe uploads audio until it is transcribed.
func (f *fake) transcribe(audio []byte) (t schema.Transcript, err error) {
	var status int
	for range attempts {
		if status, err = f.upload(audio, "verbose_json", &t); err == nil && status == http.StatusOK {
			t.Model = "whisper-1"
			return t, assign(&t, audio)
		}
	}
	return t, fmt.Errorf("status %d: %w", status, err)
}

// assign tells each segment its channel, which the service does not.
func assign(t *schema.Transcript, audio []byte) error {
	clips, err := openLibrary()
	if err != nil {
		return err
	}
	if chosen, ok := clips.recognise(audio); ok {
		for i, s := range clips.transcript(chosen).Segments {
			t.Segments[i].Channel = s.Channel
		}
	}
	return nil
}

func (f *fake) upload(audio []byte, format string, into any) (int, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("model", "whisper-1")
	_ = form.WriteField("response_format", format)
	part, _ := form.CreateFormFile("file", "audio.mp3")
	_, _ = part.Write(audio)
	_ = form.Close()
	r, _ := http.NewRequestWithContext(f.t.Context(), "POST", f.twilio+"/v1/audio/transcriptions", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer sk-test")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if text, ok := into.(*string); ok {
		read, _ := io.ReadAll(response.Body)
		*text = string(read)
		return response.StatusCode, nil
	}
	return response.StatusCode, json.NewDecoder(response.Body).Decode(into)
}

// Calls implements Pipeline.
func (f *fake) Calls(_ context.Context, each func(schema.CallRecord) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sid := range f.rows {
		if !f.rows[sid] {
			continue
		}
		row := f.row(sid)
		if f.tamper != nil && !f.tamper(&row) {
			continue
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

// row puts a call's record together.
func (f *fake) row(sid string) schema.CallRecord {
	row := schema.CallRecord{CallFacts: f.facts[sid], AccountSID: testAccount, OrganizationID: testOrg, Decision: f.decisions[sid]}
	row.PhoneNumber, _ = f.number(row.CallFacts)
	row.Direction = row.Leg.Direction()
	switch row.PhoneNumber {
	case "":
	case row.To:
		row.Direction = schema.Inbound
	default:
		row.Direction = schema.Outbound
	}
	for _, r := range f.recordings {
		if r.CallSID != sid {
			continue
		}
		row.Recordings = append(row.Recordings, *r)
		if r.Object != nil && row.RecordingURL == "" {
			row.RecordingURL = r.Object.URL
		}
		if r.Transcript != nil && row.Transcription == "" {
			row.Transcription = r.Transcript.Text
		}
	}
	return row
}

// Object implements Pipeline.
func (f *fake) Object(_ context.Context, key string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	audio, ok := f.objects[key]
	if !ok {
		return nil, schema.Errorf(schema.NotFound, "no object %s", key)
	}
	return io.NopCloser(bytes.NewReader(audio)), nil
}
