package archiver

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/loquent/callstream/schema"
)

// counts is what the consumer reports of its work.
type counts struct {
	ended   *prometheus.CounterVec
	bytes   prometheus.Counter
	corrupt prometheus.Counter
	delay   prometheus.Histogram
}

func newCounts(r prometheus.Registerer) counts {
	factory := promauto.With(r)
	return counts{
		ended: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_recordings_total",
			Help: "Recordings by how they ended: archived, quarantined, absent, failed, deleted.",
		}, []string{"outcome"}),
		bytes: factory.NewCounter(prometheus.CounterOpts{
			Name: "callstream_archived_bytes_total",
			Help: "Bytes of audio copied and proven.",
		}),
		corrupt: factory.NewCounter(prometheus.CounterOpts{
			Name: "callstream_media_corrupt_total",
			Help: "Downloads that were not the recording: error pages, truncated or too short audio.",
		}),
		delay: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "callstream_hangup_to_archived_seconds",
			Help:    "From a recording's end to its proven copy.",
			Buckets: prometheus.ExponentialBuckets(0.5, 2, 16),
		}),
	}
}

// archived counts a new copy. In a replay, which comes whenever it comes, the
// delay says nothing.
func (c counts) archived(f schema.RecordingFacts, o schema.Object, quarantined, replayed bool, now time.Time) {
	outcome := "archived"
	if quarantined {
		outcome = "quarantined"
	}
	c.ended.WithLabelValues(outcome).Inc()
	c.bytes.Add(float64(o.Size))
	if ended, ok := f.EndedAt(); ok && !replayed {
		c.delay.Observe(now.Sub(ended).Seconds())
	}
}

func (c counts) uncopied(status schema.RecordingStatus) {
	c.ended.WithLabelValues(string(status)).Inc()
}
