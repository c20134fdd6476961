package s3_test

import (
	"bytes"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/schema"
)

// operations returns what the registry counted, by operation and outcome.
func operations(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "callstream_s3_operations_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			counted[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return counted
}

// An operator sees what the bucket was asked and how it answered, and a broken
// download, whose bytes were to be put, is not held against it. What wraps the
// transport sees every request.
func TestOperationsAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	var requests atomic.Int64
	config := s3test.Config(t)
	config.Registerer = registry
	config.Wrap = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			return next.RoundTrip(r)
		})
	}
	config.CreateBucket = true
	store, err := s3.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	put(t, store, "a", []byte("audio"))
	holds(t, store, "a", []byte("audio"))
	holds(t, store, "b", nil)
	broken := readerFunc(func([]byte) (int, error) { return 0, errors.New("the download broke off") })
	_, err = store.Put(t.Context(), "c", broken, 5, audioType)
	wantCode(t, err, schema.Unavailable)
	_, err = store.Put(t.Context(), "", bytes.NewReader(nil), 0, audioType)
	wantCode(t, err, schema.Invalid) // nothing was asked of the bucket

	want := map[string]float64{"ready invalid": 1, "put ok": 1, "get ok": 1, "get not_found": 1, "put body": 1}
	if diff := cmp.Diff(want, operations(t, registry)); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if requests.Load() < 4 {
		t.Errorf("what wraps the transport saw %d requests", requests.Load())
	}
}
