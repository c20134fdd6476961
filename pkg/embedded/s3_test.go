package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/loquent/callstream/schema"
)

const bucket = "recordings"

// partSize is the smallest part of a multipart upload that S3 allows.
const partSize = 5 << 20

func startS3(t testing.TB, dir string) *S3 {
	t.Helper()
	server, err := StartS3(limited(t), S3Options{Dir: dir, Logger: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func newClient(server *S3, secretKey string) (*minio.Client, error) {
	return minio.New(strings.TrimPrefix(server.Endpoint(), "http://"), &minio.Options{
		Creds:        credentials.NewStaticV4(server.AccessKey(), secretKey, ""),
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   1,
	})
}

// openBucket returns a client of a new server's new bucket.
func openBucket(t testing.TB) (*minio.Client, *S3) {
	t.Helper()
	server := startS3(t, t.TempDir())
	client, err := newClient(server, server.SecretKey())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(limited(t), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func put(t testing.TB, client *minio.Client, key string, data []byte, options minio.PutObjectOptions) {
	t.Helper()
	if _, err := client.PutObject(limited(t), bucket, key, bytes.NewReader(data), int64(len(data)), options); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func read(t testing.TB, client *minio.Client, key string, options minio.GetObjectOptions) ([]byte, error) {
	t.Helper()
	object, err := client.GetObject(limited(t), bucket, key, options)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	return io.ReadAll(object)
}

func random(t testing.TB, size int) []byte {
	t.Helper()
	data := make([]byte, size)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	return data
}

// hasCode reports whether err is an answer of S3 with that code.
func hasCode(err error, code string) bool { return minio.ToErrorResponse(err).Code == code }

func TestObjectComesBackAsItWasPut(t *testing.T) {
	t.Parallel()
	client, _ := openBucket(t)
	data := random(t, 100_000)
	put(t, client, "calls/CA1.mp3", data, minio.PutObjectOptions{
		ContentType:  "audio/mpeg",
		UserMetadata: map[string]string{"Recording": "RE1"},
	})
	got, err := read(t, client, "calls/CA1.mp3", minio.GetObjectOptions{})
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	info, err := client.StatObject(limited(t), bucket, "calls/CA1.mp3", minio.StatObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != int64(len(data)) || info.ContentType != "audio/mpeg" || info.UserMetadata["Recording"] != "RE1" {
		t.Errorf("stat: %+v", info)
	}
	if time.Since(info.LastModified) > time.Hour {
		t.Errorf("modified at %v", info.LastModified)
	}
}

func TestMultipartUploadOfUnknownSize(t *testing.T) {
	t.Parallel()
	client, server := openBucket(t)
	data := random(t, 2*partSize+12345)
	body := struct{ io.Reader }{bytes.NewReader(data)} // hides its size
	info, err := client.PutObject(limited(t), bucket, "long.mp3", body, -1,
		minio.PutObjectOptions{PartSize: partSize, ContentType: "audio/mpeg", UserMetadata: map[string]string{"A": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(t, client, "long.mp3", minio.GetObjectOptions{})
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	stat, err := client.StatObject(limited(t), bucket, "long.mp3", minio.StatObjectOptions{})
	if err != nil || stat.ETag != info.ETag || stat.ContentType != "audio/mpeg" || stat.UserMetadata["A"] != "b" {
		t.Errorf("stat: %+v, %v", stat, err)
	}
	if left := files(t, server.dir, "part-"); len(left) > 0 {
		t.Errorf("parts left: %v", left)
	}
}

func TestAbortedUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	client, server := openBucket(t)
	core := minio.Core{Client: client}
	id, err := core.NewMultipartUpload(limited(t), bucket, "a", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.PutObjectPart(limited(t), bucket, "a", id, 1, strings.NewReader("x"), 1, minio.PutObjectPartOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := core.AbortMultipartUpload(limited(t), bucket, "a", id); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(server.dir, "parts")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := read(t, client, "a", minio.GetObjectOptions{}); !hasCode(err, "NoSuchKey") {
		t.Errorf("read: %v", err)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	client, _ := openBucket(t)
	data := random(t, 1000)
	put(t, client, "a", data, minio.PutObjectOptions{})
	for _, tt := range []struct {
		name       string
		start, end int64 // as minio-go's SetRange takes them
		want       []byte
	}{
		{"from the middle", 100, 199, data[100:200]},
		{"first byte", 0, 0, data[:1]},
		{"to the end", 900, 0, data[900:]},
		{"last bytes", 0, -10, data[990:]},
		{"beyond the end", 990, 5000, data[990:]},
	} {
		var options minio.GetObjectOptions
		if err := options.SetRange(tt.start, tt.end); err != nil {
			t.Fatal(err)
		}
		core := minio.Core{Client: client}
		body, _, header, err := core.GetObject(limited(t), bucket, "a", options)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got, err := io.ReadAll(body)
		body.Close()
		if err != nil || !bytes.Equal(got, tt.want) {
			t.Errorf("%s: %d bytes, %v; want %d", tt.name, len(got), err, len(tt.want))
		}
		if !strings.HasSuffix(header.Get("Content-Range"), "/1000") {
			t.Errorf("%s: Content-Range %q", tt.name, header.Get("Content-Range"))
		}
	}
	var beyond minio.GetObjectOptions
	if err := beyond.SetRange(1000, 1001); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, client, "a", beyond); !hasCode(err, "InvalidRange") {
		t.Errorf("range beyond the end: %v", err)
	}
}

func TestPresignedURLServesWithoutCredentials(t *testing.T) {
	t.Parallel()
	client, server := openBucket(t)
	put(t, client, "a b/ü.mp3", []byte("audio"), minio.PutObjectOptions{})
	signed, err := client.PresignedGetObject(limited(t), bucket, "a b/ü.mp3", time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := download(t, signed.String()); status != http.StatusOK || body != "audio" {
		t.Errorf("presigned: %d %q", status, body)
	}
	query := signed.Query()
	query.Set("X-Amz-Expires", "99999")
	signed.RawQuery = query.Encode()
	for name, url := range map[string]string{
		"a changed signed URL": signed.String(),
		"no signature":         server.Endpoint() + "/" + bucket + "/a%20b/%C3%BC.mp3",
		"a list of buckets":    server.Endpoint() + "/",
	} {
		if status, _ := download(t, url); status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, status)
		}
	}
}

func download(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(limited(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestWrongSecretIsRefused(t *testing.T) {
	t.Parallel()
	_, server := openBucket(t)
	stranger, err := newClient(server, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	_, err = stranger.PutObject(limited(t), bucket, "a", strings.NewReader("x"), 1, minio.PutObjectOptions{})
	if !hasCode(err, "SignatureDoesNotMatch") {
		t.Errorf("put: %v", err)
	}
	for _, name := range []string{"access.key", "secret.key"} {
		info, err := os.Stat(filepath.Join(server.dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestKeysThatLookLikePathsStayKeys(t *testing.T) {
	t.Parallel()
	client, server := openBucket(t)
	for _, key := range []string{
		"../up", "a/../../../up", "./here", "a//b", "trail/", "trail", "100%", "a+b c", "ü/日本", `back\slash`, "a.object", "a", ".hidden",
	} {
		put(t, client, key, []byte(key), minio.PutObjectOptions{})
	}
	var listed int
	for object := range client.ListObjects(limited(t), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		listed++
		if got, err := read(t, client, object.Key, minio.GetObjectOptions{}); err != nil || string(got) != object.Key {
			t.Errorf("%q holds %q, %v", object.Key, got, err)
		}
	}
	if inside := files(t, filepath.Join(server.dir, "buckets", bucket), ""); len(inside) != 13 || listed != 13 {
		t.Errorf("%d keys listed, files %v", listed, inside)
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	client, _ := openBucket(t)
	for _, key := range []string{"b", "a/2", "a/1", "a-1", "c/d/e", "a"} {
		put(t, client, key, []byte(key), minio.PutObjectOptions{})
	}
	for _, tt := range []struct {
		options minio.ListObjectsOptions
		want    []string
	}{
		{minio.ListObjectsOptions{Recursive: true}, []string{"a", "a-1", "a/1", "a/2", "b", "c/d/e"}},
		{minio.ListObjectsOptions{Recursive: true, MaxKeys: 1}, []string{"a", "a-1", "a/1", "a/2", "b", "c/d/e"}},
		{minio.ListObjectsOptions{}, []string{"a", "a-1", "b", "a/", "c/"}}, // minio-go puts groups last
		{minio.ListObjectsOptions{MaxKeys: 1}, []string{"a", "a-1", "a/", "b", "c/"}},
		{minio.ListObjectsOptions{Prefix: "a/", Recursive: true}, []string{"a/1", "a/2"}},
		{minio.ListObjectsOptions{Prefix: "c/"}, []string{"c/d/"}},
		{minio.ListObjectsOptions{Recursive: true, StartAfter: "a/1"}, []string{"a/2", "b", "c/d/e"}},
		{minio.ListObjectsOptions{Prefix: "x"}, nil},
	} {
		var got []string
		for object := range client.ListObjects(limited(t), bucket, tt.options) {
			if object.Err != nil {
				t.Fatal(object.Err)
			}
			got = append(got, object.Key)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.options, diff)
		}
	}
}

func TestRemovedObjectIsGone(t *testing.T) {
	t.Parallel()
	client, _ := openBucket(t)
	put(t, client, "a/b", []byte("x"), minio.PutObjectOptions{})
	for range 2 { // the second finds nothing, which is no error
		if err := client.RemoveObject(limited(t), bucket, "a/b", minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := read(t, client, "a/b", minio.GetObjectOptions{}); !hasCode(err, "NoSuchKey") {
		t.Errorf("read: %v", err)
	}
	if err := client.RemoveBucket(limited(t), bucket); err != nil {
		t.Errorf("remove the empty bucket: %v", err)
	}
}

func TestConcurrentPutsOfOneKeyLeaveOneWhole(t *testing.T) {
	t.Parallel()
	client, _ := openBucket(t)
	const writers = 8
	whole := make(map[string]bool, writers)
	var done sync.WaitGroup
	for range writers {
		data := random(t, 200_000)
		whole[digest(data)] = true
		done.Go(func() {
			put(t, client, "one", data, minio.PutObjectOptions{})
			if got, err := read(t, client, "one", minio.GetObjectOptions{}); err != nil || len(got) != len(data) {
				t.Errorf("read meanwhile: %d bytes, %v", len(got), err)
			}
		})
	}
	done.Wait()
	got, err := read(t, client, "one", minio.GetObjectOptions{})
	if err != nil || !whole[digest(got)] {
		t.Errorf("left %d bytes that nobody has put, %v", len(got), err)
	}
}

func TestOnlyOneOfManyCreatesWithACondition(t *testing.T) {
	t.Parallel()
	client, _ := openBucket(t)
	var options minio.PutObjectOptions
	options.SetMatchETagExcept("*")
	results := make(chan error)
	const writers = 8
	for range writers {
		go func() {
			_, err := client.PutObject(limited(t), bucket, "one", strings.NewReader("x"), 1, options)
			results <- err
		}()
	}
	var created int
	for range writers {
		switch err := <-results; {
		case err == nil:
			created++
		case !hasCode(err, "PreconditionFailed"):
			t.Error(err)
		}
	}
	if created != 1 {
		t.Errorf("%d writers created it", created)
	}
}

func TestBodyThatBreaksOffChangesNothing(t *testing.T) {
	t.Parallel()
	client, server := openBucket(t)
	put(t, client, "a", []byte("old"), minio.PutObjectOptions{})
	broken := io.MultiReader(strings.NewReader("half"), &failingReader{})
	if _, err := client.PutObject(limited(t), bucket, "a", broken, 1<<20, minio.PutObjectOptions{}); err == nil {
		t.Fatal("a body that breaks off was accepted")
	}
	if got, err := read(t, client, "a", minio.GetObjectOptions{}); err != nil || string(got) != "old" {
		t.Errorf("read %q, %v", got, err)
	}
	eventually(t, "the unfinished file is gone", func() bool {
		left, err := os.ReadDir(filepath.Join(server.dir, "writing"))
		return err == nil && len(left) == 0
	})
}

type failingReader struct{}

func (*failingReader) Read([]byte) (int, error) { return 0, errors.New("line is dead") }

func TestTakenPortIsAnError(t *testing.T) {
	t.Parallel()
	taken := startS3(t, t.TempDir())
	addr := strings.TrimPrefix(taken.Endpoint(), "http://")
	if _, err := StartS3(limited(t), S3Options{Dir: t.TempDir(), Addr: addr}); schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("start: %v, want unavailable", err)
	}
}

func TestAcknowledgedObjectsSurviveAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writer := play(t, "s3", dir)
	acknowledged := map[string]string{} // key → digest
	for len(acknowledged) < 60 {
		key, sum, _ := strings.Cut(writer.line(t), " ")
		acknowledged[key] = sum
	}
	writer.kill()
	server := startS3(t, dir)
	client, err := newClient(server, server.SecretKey())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range acknowledged {
		got, err := read(t, client, key, minio.GetObjectOptions{})
		if err != nil || digest(got) != want {
			t.Errorf("%s: %d bytes, %v", key, len(got), err)
		}
	}
	// What was under way at the kill is there whole, or not at all.
	for object := range client.ListObjects(limited(t), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		got, err := read(t, client, object.Key, minio.GetObjectOptions{})
		if err != nil || digest(got) != filepath.Base(object.Key) {
			t.Errorf("%s: %d bytes, %v", object.Key, len(got), err)
		}
	}
	for _, unfinished := range []string{"writing", "parts"} {
		if left, _ := os.ReadDir(filepath.Join(server.dir, unfinished)); len(left) > 0 {
			t.Errorf("%s holds %v", unfinished, left)
		}
	}
}

// playS3 puts objects, several at a time and some in parts, under keys that
// end in their digest, and prints each key and digest once acknowledged.
func playS3(dir string) error {
	server, err := StartS3(context.Background(), S3Options{Dir: dir})
	if err != nil {
		return err
	}
	client, err := newClient(server, server.SecretKey())
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}); err != nil {
		return err
	}
	results := make(chan error)
	for writer := range 4 {
		go func() {
			for i := 0; ; i++ {
				if err := putOne(ctx, client, writer, i); err != nil {
					results <- err
				}
			}
		}()
	}
	return <-results
}

func putOne(ctx context.Context, client *minio.Client, writer, i int) error {
	data := make([]byte, 1+(i*37_501)%200_000)
	size := int64(len(data))
	if writer == 0 {
		data, size = make([]byte, partSize+1+i), -1
	}
	_, _ = rand.Read(data)
	key := fmt.Sprintf("%d/%d/%s", writer, i%7, digest(data))
	_, err := client.PutObject(ctx, bucket, key, bytes.NewReader(data), size, minio.PutObjectOptions{PartSize: partSize})
	if err == nil {
		fmt.Println(key, digest(data))
	}
	return err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
