package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// repeated counts the events in the stream whose message id another has too.
func (w *world) repeated(ctx context.Context) (repeated int, err error) {
	calls, err := w.js.Stream(ctx, schema.StreamCalls)
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", schema.StreamCalls, err)
	}
	reader, err := calls.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", schema.StreamCalls, err)
	}
	last := calls.CachedInfo().State.LastSeq
	seen := make(map[string]bool)
	for at := uint64(0); at < last; {
		message, err := reader.Next()
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", schema.StreamCalls, err)
		}
		meta, err := message.Metadata()
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", schema.StreamCalls, err)
		}
		at = meta.Sequence.Stream
		id := message.Headers().Get(jetstream.MsgIDHeader)
		if seen[id] {
			repeated++
		}
		seen[id] = true
	}
	return repeated, nil
}

// objects counts the recordings in the bucket, with what no row names.
func (w *world) objects(ctx context.Context) (n int, err error) {
	bucket, err := w.straight(nil)
	if err != nil {
		return 0, err
	}
	for object := range bucket.client.ListObjects(ctx, bucket.bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			return 0, fmt.Errorf("list the bucket: %w", object.Err)
		}
		if strings.HasSuffix(object.Key, ".mp3") { // beside each are the facts about it
			n++
		}
	}
	return n, nil
}
