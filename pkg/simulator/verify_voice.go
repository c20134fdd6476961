package simulator

// answers checks what a voice URL answered: TwiML always, and none that records
// while the flag is off. A customer's own voice URL may do as it likes.
func (v *verification) answers(t truth) {
	f, sid := t.family, t.leg.sid
	if f.voice == nil || !f.voice.ours {
		return
	}
	for _, got := range f.voice.errors {
		v.differ(sid, "", "answer to the caller", "TwiML", got)
	}
	if f.byTwiML() {
		v.report.Answered++
	}
	for _, e := range f.voice.recorded {
		if !v.flagDuring(true, e.Asked, e.At) {
			v.differ(sid, "", "recording by TwiML", "none: the flag was off", "asked for")
		}
		if !f.owned {
			v.differ(sid, "", "recording by TwiML", "none: the number is nobody's", "asked for")
		}
	}
}
