package archiver_test

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/schema"
)

// TestALongRecordingTakesNoMoreMemory archives four hours of audio and looks at
// the heap as it flows by.
func TestALongRecordingTakesNoMoreMemory(t *testing.T) {
	const length, limit = 4 * time.Hour, 16 << 20 // 57.6 MB of audio
	w, event := newWorld(t), processed()
	claimed := int(length.Seconds())
	event.Recording.Duration = &claimed
	before := heap()
	var peak atomic.Uint64
	long := &endless{frame: mp3test.Silence(mp3test.FrameDuration, 1), left: int64(claimed) * 4000 / mp3test.FrameSize * mp3test.FrameSize, every: 4 << 20, watch: func() {
		peak.Store(max(peak.Load(), heap()))
	}}
	w.media = func() (schema.Media, error) {
		return schema.Media{Body: io.NopCloser(long), Size: long.left, ContentType: "audio/mpeg"}, nil
	}
	if err := w.handle(t, event, 1); err != nil {
		t.Fatal(err)
	}
	if grown := int64(peak.Load()) - int64(before); grown > limit {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

// heap returns the bytes that are in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// endless reads as one frame again and again, and calls watch at every so many
// bytes.
type endless struct {
	frame   []byte
	at      int
	left    int64
	every   int64
	watched int64
	watch   func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), e.left)], e.frame[e.at:])
	e.at = (e.at + n) % len(e.frame)
	e.left -= int64(n)
	if e.watched += int64(n); e.watched >= e.every {
		e.watched = 0
		e.watch()
	}
	return n, nil
}

// forgetful is a bucket that loses what it acknowledged.
type forgetful struct{ *s3.Store }

func (f forgetful) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (schema.Object, error) {
	o, err := f.Store.Put(ctx, key, body, size, contentType)
	if err == nil {
		err = f.Remove(ctx, key)
	}
	return o, err
}

// brokenHistory is a database whose decisions cannot be read.
type brokenHistory struct{ *world }

func (brokenHistory) Decision(context.Context, string) (schema.Decision, error) {
	return schema.Decision{}, schema.Errorf(schema.Unavailable, "database away")
}
