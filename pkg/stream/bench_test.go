package stream_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// twiliosWords are as long as an event of Event Streams is.
var twiliosWords = json.RawMessage(`{"data":{` + strings.Repeat(`"CallerCity":"SAN FRANCISCO",`, 40) + `"a":1}}`)

// BenchmarkPublish publishes an event at a time, and ten together, to a server
// in this process that acknowledges before its disk does.
func BenchmarkPublish(b *testing.B) {
	for name, each := range map[string]int{"one": 1, "ten": 10} {
		b.Run(name, func(b *testing.B) {
			_, conn := provisioned(b, streamtest.Settings())
			b.ReportAllocs()
			events := make([]schema.Event, each)
			for i := 0; b.Loop(); i++ {
				for j := range events {
					event := streamtest.Answered(i*each + j)
					event.SourceEvent = twiliosWords
					events[j] = event
				}
				if err := conn.Publish(b.Context(), events...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
