package simulator

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/loquent/callstream/schema"
)

// Faults are the probabilities, from 0 to 1, of what goes wrong at Twilio, on
// the way, and at the transcription service. Each is drawn by the seed, and
// bounded per item: in the end everything succeeds.
type Faults struct {
	Duplicates    float64 // a delivery arrives twice, sometimes at the same moment
	Reorder       float64 // a delivery waits until later ones have passed it
	Delay         float64 // a delivery is late
	Media404      float64 // a recording's media answers 404 although it is announced
	Truncated     float64 // a recording's media breaks off, is too short, or is an error page with status 200
	RateLimit     float64 // 429, from Twilio's REST API and from the transcription service
	Errors        float64 // 5xx, lost answers and slow ones, from either
	LostCallbacks float64 // a status callback is never sent; Event Streams still carries the fact
	Absent        float64 // a recording ends absent or failed, without audio
	LateInsights  float64 // the summary of a call takes several times as long
}

// faultNames lists the faults as ParseFaults reads them, with the probability
// that a bare name stands for.
var faultNames = []struct {
	name    string
	usual   float64
	pointer func(*Faults) *float64
}{
	{"duplicates", 0.15, func(f *Faults) *float64 { return &f.Duplicates }},
	{"reorder", 0.15, func(f *Faults) *float64 { return &f.Reorder }},
	{"delay", 0.1, func(f *Faults) *float64 { return &f.Delay }},
	{"media404", 0.2, func(f *Faults) *float64 { return &f.Media404 }},
	{"truncated", 0.1, func(f *Faults) *float64 { return &f.Truncated }},
	{"ratelimit", 0.05, func(f *Faults) *float64 { return &f.RateLimit }},
	{"errors", 0.05, func(f *Faults) *float64 { return &f.Errors }},
	{"lostcallbacks", 0.1, func(f *Faults) *float64 { return &f.LostCallbacks }},
	{"absent", 0.05, func(f *Faults) *float64 { return &f.Absent }},
	{"lateinsights", 0.2, func(f *Faults) *float64 { return &f.LateInsights }},
}

// ParseFaults reads "none" (or nothing), "all", or a list as
// "duplicates,media404=0.5": names, each with its usual probability or one of
// its own. The error is [schema.Invalid] and names what is not understood.
func ParseFaults(s string) (Faults, error) {
	var faults Faults
	for word := range strings.SplitSeq(s, ",") {
		word = strings.TrimSpace(word)
		switch word {
		case "", "none":
			continue
		case "all":
			for _, fault := range faultNames {
				*fault.pointer(&faults) = fault.usual
			}
			continue
		}
		if err := faults.set(word); err != nil {
			return Faults{}, err
		}
	}
	return faults, nil
}

// set reads one name or name=probability.
func (f *Faults) set(word string) error {
	name, value, given := strings.Cut(word, "=")
	for _, fault := range faultNames {
		if fault.name != name {
			continue
		}
		*fault.pointer(f) = fault.usual
		if !given {
			return nil
		}
		p, err := strconv.ParseFloat(value, 64)
		if err != nil || p < 0 || p > 1 {
			return schema.Errorf(schema.Invalid, "fault %s: %q is no probability from 0 to 1", name, value)
		}
		*fault.pointer(f) = p
		return nil
	}
	return schema.Errorf(schema.Invalid, "fault %q is not known: none, all, or a list of %s", name, strings.Join(FaultNames(), ", "))
}

// FaultNames lists the names that [ParseFaults] knows.
func FaultNames() []string {
	names := make([]string, 0, len(faultNames))
	for _, fault := range faultNames {
		names = append(names, fault.name)
	}
	return slices.Clip(names)
}

// String writes the faults as [ParseFaults] reads them, "none" for none.
func (f Faults) String() string {
	var words []string
	for _, fault := range faultNames {
		if p := *fault.pointer(&f); p > 0 {
			words = append(words, fault.name+"="+strconv.FormatFloat(p, 'g', -1, 64))
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ",")
}

// MarshalText writes the faults into the journal.
func (f Faults) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads them from it.
func (f *Faults) UnmarshalText(text []byte) (err error) {
	*f, err = ParseFaults(string(text))
	return err
}

// happens draws whether a fault of probability p occurs. It draws even when p
// is zero, so that switching one fault on moves no other.
func happens(dice *rand.Rand, p float64) bool { return dice.Float64() < p }
