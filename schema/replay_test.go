package schema_test

import (
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

func TestAReplaySpecIsChecked(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tc := range map[string]struct {
		spec schema.ReplaySpec
		want schema.Code
	}{
		"all of a consumer":       {schema.ReplaySpec{Consumer: "calls"}, ""},
		"no consumer":             {schema.ReplaySpec{}, schema.Invalid},
		"times the wrong way":     {schema.ReplaySpec{Consumer: "calls", Since: now, Until: now.Add(-time.Hour)}, schema.Invalid},
		"sequences the wrong way": {schema.ReplaySpec{Consumer: "calls", FromSeq: 9, ToSeq: 8}, schema.Invalid},
		"one sequence":            {schema.ReplaySpec{Consumer: "calls", FromSeq: 9, ToSeq: 9}, ""},
		"a negative rate":         {schema.ReplaySpec{Consumer: "calls", Rate: -1}, schema.Invalid},
		"an odd call":             {schema.ReplaySpec{Consumer: "calls", CallSID: "RE1"}, schema.Invalid},
		"an odd recording":        {schema.ReplaySpec{Consumer: "calls", RecordingSID: "CA1"}, schema.Invalid},
		"an unknown side effect":  {schema.ReplaySpec{Consumer: "calls", AllowSideEffects: []string{"all"}}, schema.Invalid},
		"recorder":                {schema.ReplaySpec{Consumer: "recorder"}, schema.Forbidden},
		"recorder, other allowed": {schema.ReplaySpec{Consumer: "recorder", AllowSideEffects: []string{"reaper", "events"}}, schema.Forbidden},
		"recorder, allowed":       {schema.ReplaySpec{Consumer: "recorder", AllowSideEffects: []string{"recorder"}}, ""},
		"recorder, dry":           {schema.ReplaySpec{Consumer: "recorder", DryRun: true}, ""},
		"reaper":                  {schema.ReplaySpec{Consumer: "reaper", Force: true}, schema.Forbidden},
	} {
		if err := tc.spec.Check(); schema.CodeOf(err) != tc.want {
			t.Errorf("%s: %v, want code %q", name, err, tc.want)
		}
	}
}
