package embedded

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"
)

// startAll starts all parts at once, as the program does, and returns what
// stops them.
func startAll(ctx context.Context, dir string) (stop func() error, err error) {
	var (
		group    errgroup.Group
		messages *NATS
		database *Postgres
		store    *S3
	)
	group.Go(func() (err error) { messages, err = StartNATS(ctx, NATSOptions{Dir: dir}); return err })
	group.Go(func() (err error) { database, err = StartPostgres(ctx, PostgresOptions{Dir: dir}); return err })
	group.Go(func() (err error) { store, err = StartS3(ctx, S3Options{Dir: dir}); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return func() error {
		messages.Stop()
		group.Go(database.Stop)
		group.Go(store.Stop)
		return group.Wait()
	}, nil
}

// BenchmarkFirstStart measures an empty folder until all parts answer.
func BenchmarkFirstStart(b *testing.B) {
	benchmarkStart(b, func() string { return b.TempDir() })
}

// BenchmarkLaterStart measures a folder that has been used before.
func BenchmarkLaterStart(b *testing.B) {
	dir := b.TempDir()
	stop, err := startAll(limited(b), dir)
	if err != nil {
		b.Fatal(err)
	}
	if err := stop(); err != nil {
		b.Fatal(err)
	}
	benchmarkStart(b, func() string { return dir })
}

func benchmarkStart(b *testing.B, dir func() string) {
	for b.Loop() {
		b.StopTimer()
		where := dir()
		b.StartTimer()
		stop, err := startAll(limited(b), where)
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		if err := stop(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkS3Put measures objects of a short call's size, one after another.
func BenchmarkS3Put(b *testing.B) {
	client, _ := openBucket(b)
	data := random(b, 1<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		put(b, client, "a", data, minio.PutObjectOptions{})
	}
}

// BenchmarkS3Get measures reading them back.
func BenchmarkS3Get(b *testing.B) {
	client, _ := openBucket(b)
	data := random(b, 1<<20)
	put(b, client, "a", data, minio.PutObjectOptions{})
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if got, err := read(b, client, "a", minio.GetObjectOptions{}); err != nil || len(got) != len(data) {
			b.Fatal(len(got), err)
		}
	}
}

// BenchmarkS3Upload measures a long recording of unknown size; the bytes
// allocated for each show that no body is held in memory.
func BenchmarkS3Upload(b *testing.B) {
	client, _ := openBucket(b)
	data := random(b, 64<<20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		body := struct{ io.Reader }{bytes.NewReader(data)}
		if _, err := client.PutObject(limited(b), bucket, "a", body, -1, minio.PutObjectOptions{PartSize: partSize}); err != nil {
			b.Fatal(err)
		}
	}
}
