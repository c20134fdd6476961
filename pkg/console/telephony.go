package console

import (
	"net/http"

	"github.com/loquent/callstream/schema"
)

// telephony is what Settings → Twilio → Telephony → Configuration shows.
type telephony struct {
	Settings schema.Settings
	Missing  bool // there is no Twilio account yet
	Numbers  []schema.PhoneNumber
	Deaf     bool // recording is on, and callstream hears of no call in time
	Problem  *problem
}

// settings leads to the first page of settings.
func (c *console) settings(v *visit) error { return v.redirect("/settings/telephony") }

// telephony shows the recording switch and what becomes of recordings.
func (c *console) telephony(v *visit) error {
	return v.telephony(nil)
}

// telephony shows the page, with what was wrong with a form.
func (v *visit) telephony(wrong *problem) error {
	t := telephony{Problem: wrong}
	err := v.get("/api/twilio/settings", nil, &t.Settings)
	if problemOf(err, http.StatusNotFound) != nil {
		t.Missing = true
		return v.show("telephony", "Telephony configuration", t)
	}
	if err != nil {
		return err
	}
	var answer struct{ Numbers []schema.PhoneNumber }
	if err := v.get("/api/numbers", nil, &answer); err != nil {
		return err
	}
	t.Numbers = answer.Numbers
	t.Deaf = t.Settings.RecordingEnabled && !t.Settings.CallEvents.Active && !t.planned()
	return v.render(wrong.status(), "telephony", "Telephony configuration", t)
}

// planned reports whether callstream answers calls to any number itself.
func (t telephony) planned() bool {
	for _, n := range t.Numbers {
		if n.Voice != nil {
			return true
		}
	}
	return false
}

// Unexpecteds and Deletes are the choices with what they mean.
func (telephony) Unexpecteds() []choice {
	return []choice{
		{string(schema.UnexpectedProcess), "Keep it like any other", "It is archived and, if transcription is on, transcribed."},
		{string(schema.UnexpectedQuarantine), "Put it into quarantine", "It is archived, so that nothing is lost, but nobody can play or search it, and it is not transcribed."},
	}
}

// Deletes are the policies for Twilio's copies.
func (telephony) Deletes() []choice {
	return []choice{
		{string(schema.DeleteArchived), "All, once archived", "Only after the copy here has been read back and proven to be the same. Twilio then bills no storage."},
		{string(schema.DeleteOwn), "Only those that callstream started", "What your own set-up recorded stays at Twilio, too."},
		{string(schema.DeleteNever), "None", "Every recording stays at Twilio besides, which bills its storage."},
	}
}

// choice is one of several values of a setting.
type choice struct {
	Value, Name, Meaning string
}

// turnRecording turns the recording switch.
func (c *console) turnRecording(v *visit) error {
	on := v.r.PostFormValue("on") == "true"
	err := v.send(http.MethodPatch, "/api/twilio/settings", map[string]any{"call_recording_enabled": on}, nil)
	if p := refused(err); p != nil {
		return v.telephony(p)
	}
	if err != nil {
		return err
	}
	if on {
		v.notice("Recording is on. It takes effect with the next answered call.")
	} else {
		v.notice("Recording is off. Calls that are being recorded now are recorded to their end; no other is.")
	}
	return v.redirect("/settings/telephony")
}

// changeTelephony stores what becomes of recordings.
func (c *console) changeTelephony(v *visit) error {
	err := v.send(http.MethodPatch, "/api/twilio/settings", map[string]any{
		"transcription_enabled": v.r.PostFormValue("transcription_enabled") == "true",
		"unexpected_recordings": v.r.PostFormValue("unexpected_recordings"),
		"delete_from_twilio":    v.r.PostFormValue("delete_from_twilio"),
	}, nil)
	if p := refused(err); p != nil {
		return v.telephony(p)
	}
	if err != nil {
		return err
	}
	v.notice("The configuration is saved. It holds from the next recording on.")
	return v.redirect("/settings/telephony")
}
