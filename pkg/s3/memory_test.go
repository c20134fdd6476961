package s3_test

import (
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/s3/s3test"
)

// A four-hour recording takes no more memory than a short one, on its way in
// and at its proof. The server runs in this process and is part of the sum.
// Not parallel: other tests' memory would count.
func TestMemoryIsConstant(t *testing.T) {
	store := s3test.New(t)
	const size, bound = 300 << 20, 64 << 20
	for name, announced := range map[string]int64{"announced": size, "unannounced": -1} {
		t.Run(name, func(t *testing.T) {
			before, peak := heap(), uint64(0)
			var next int64
			body := io.LimitReader(rand.NewChaCha8([32]byte{1}), size)
			watched := readerFunc(func(p []byte) (int, error) {
				if next -= int64(len(p)); next < 0 {
					next = 16 << 20
					peak = max(peak, heap())
				}
				return body.Read(p)
			})
			object, err := store.Put(t.Context(), "key", watched, announced, audioType)
			if err != nil {
				t.Fatal(err)
			}
			if object.Size != size {
				t.Errorf("%d bytes stored", object.Size)
			}
			if peak > before+bound {
				t.Errorf("grew by %d MiB, want at most %d", (peak-before)>>20, bound>>20)
			}
			if err := store.Verify(t.Context(), object); err != nil {
				t.Error(err)
			}
			if after := heap(); after > before+bound {
				t.Errorf("grew by %d MiB while it was read back", (after-before)>>20)
			}
		})
	}
}

// heap is what is allocated now, garbage included.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkPut(b *testing.B) {
	for name, announced := range map[string]bool{"announced": true, "unannounced": false} {
		b.Run(name, func(b *testing.B) { benchmarkPut(b, s3test.New(b), announced) })
	}
}

func benchmarkPut(b *testing.B, store *s3.Store, announced bool) {
	const size = 32 << 20
	b.SetBytes(size)
	b.ReportAllocs()
	length := int64(-1)
	if announced {
		length = size
	}
	for b.Loop() {
		if _, err := store.Put(b.Context(), "key", noise(1, size), length, audioType); err != nil {
			b.Fatal(err)
		}
	}
}
