package stream_test

import (
	"cmp"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

func TestAnEstimateCountsWhatAReplayWouldLookAt(t *testing.T) {
	t.Parallel()
	d := stream.Durable{
		Name: "recorder", Filters: []string{schema.KindCallAnswered + ".*"}, AckWait: time.Minute, MaxAckPending: 100, MaxAttempts: 1, Workers: 1,
	}
	conn := streamtest.New(t, d)
	estimate := func(spec schema.ReplaySpec) (schema.ReplayEstimate, error) {
		spec.Consumer = cmp.Or(spec.Consumer, d.Name)
		return conn.EstimateReplay(t.Context(), spec, d)
	}
	if got, err := estimate(schema.ReplaySpec{}); err != nil || got != (schema.ReplayEstimate{Exact: true}) {
		t.Errorf("of nothing: %+v, %v", got, err)
	}
	if err := conn.Publish(t.Context(), append(answered(4), streamtest.Processed(1), streamtest.Answered(5))...); err != nil {
		t.Fatal(err)
	}
	hour := time.Hour
	for name, c := range map[string]struct {
		spec schema.ReplaySpec
		want schema.ReplayEstimate
	}{
		"all, of what records": {schema.ReplaySpec{}, schema.ReplayEstimate{Events: 5, FromSeq: 1, ToSeq: 6, Exact: true}},
		"from the third":       {schema.ReplaySpec{FromSeq: 3}, schema.ReplayEstimate{Events: 3, FromSeq: 3, ToSeq: 6, Exact: true}},
		"the second alone":     {schema.ReplaySpec{FromSeq: 2, ToSeq: 2}, schema.ReplayEstimate{Events: 1, FromSeq: 2, ToSeq: 2, Exact: true}},
		"another's event":      {schema.ReplaySpec{FromSeq: 5, ToSeq: 5}, schema.ReplayEstimate{FromSeq: 5, ToSeq: 5, Exact: true}},
		"since an hour":        {schema.ReplaySpec{Since: time.Now().Add(-hour)}, schema.ReplayEstimate{Events: 5, FromSeq: 1, ToSeq: 6, Exact: true}},
		"what is to come":      {schema.ReplaySpec{Since: time.Now().Add(hour)}, schema.ReplayEstimate{Exact: true}},
		"what has not been":    {schema.ReplaySpec{Until: time.Now().Add(-hour)}, schema.ReplayEstimate{Exact: true}},
		"one call":             {schema.ReplaySpec{CallSID: streamtest.SID("CA", 2)}, schema.ReplayEstimate{Events: 5, FromSeq: 1, ToSeq: 6}},
		"one organization":     {schema.ReplaySpec{Organization: "x", FromSeq: 4}, schema.ReplayEstimate{Events: 2, FromSeq: 4, ToSeq: 6}},
	} {
		got, err := estimate(c.spec)
		if diff := gocmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for name, spec := range map[string]schema.ReplaySpec{
		"the wrong way": {FromSeq: 9, ToSeq: 8}, "another's subject": {Subject: "message.>"}, "another's durable": {Consumer: "calls"},
	} {
		if _, err := estimate(spec); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
