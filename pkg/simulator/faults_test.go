package simulator

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

func TestParseFaults(t *testing.T) {
	t.Parallel()
	none, err := ParseFaults("none")
	if err != nil || none != (Faults{}) {
		t.Errorf("none is %v, %v", none, err)
	}
	all, err := ParseFaults("all")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faultNames {
		if *fault.pointer(&all) <= 0 {
			t.Errorf("all leaves out %s", fault.name)
		}
	}
	some, err := ParseFaults("duplicates, media404=0.5")
	if want := (Faults{Duplicates: 0.15, Media404: 0.5}); err != nil || some != want {
		t.Errorf("list is %v, %v, want %v", some, err, want)
	}
	for _, bad := range []string{"typos", "delay=2", "delay=often", "delay=-1"} {
		if _, err := ParseFaults(bad); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%q: error %v, want invalid", bad, err)
		}
	}
}

func TestFaultsReadBackWhatTheyWrite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var faults Faults
		for _, fault := range faultNames {
			*fault.pointer(&faults) = rapid.Float64Range(0, 1).Draw(t, fault.name)
		}
		got, err := ParseFaults(faults.String())
		if err != nil || got != faults {
			t.Fatalf("%s read back as %v, %v", faults, got, err)
		}
	})
}
