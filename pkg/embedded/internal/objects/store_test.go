package objects

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rclone/gofakes3"
	"pgregory.net/rapid"
)

const bucket = "calls"

var ctx = context.Background()

func open(t rapid.TB, root string) *Store {
	t.Helper()
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fresh(t testing.TB) *Store {
	t.Helper()
	s := open(t, t.TempDir())
	if err := s.CreateBucket(ctx, bucket); err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t rapid.TB, s *Store, key, text string) {
	t.Helper()
	if _, err := s.PutObject(ctx, bucket, key, nil, strings.NewReader(text), int64(len(text))); err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

func get(t rapid.TB, s *Store, key string) (string, error) {
	t.Helper()
	object, err := s.GetObject(ctx, bucket, key, nil)
	if err != nil {
		return "", err
	}
	defer object.Contents.Close()
	text, err := io.ReadAll(object.Contents)
	return string(text), err
}

// The store must agree with a map, whatever the keys, also after reopening.
func TestStoreAgreesWithAMap(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	rapid.Check(t, func(t *rapid.T) {
		_ = os.RemoveAll(filepath.Join(root, "buckets", bucket))
		if err := s.CreateBucket(ctx, bucket); err != nil {
			t.Fatal(err)
		}
		model := map[string]string{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				key, text := keys().Draw(t, "key"), rapid.String().Draw(t, "text")
				put(t, s, key, text)
				model[key] = text
			},
			"delete": func(t *rapid.T) {
				key := keys().Draw(t, "key")
				if len(model) > 0 && rapid.Bool().Draw(t, "known") {
					key = rapid.SampledFrom(slices.Sorted(maps.Keys(model))).Draw(t, "known key")
				}
				if _, err := s.DeleteObject(ctx, bucket, key); err != nil {
					t.Fatal(err)
				}
				delete(model, key)
			},
			"get": func(t *rapid.T) {
				key := keys().Draw(t, "key")
				text, err := get(t, s, key)
				want, found := model[key]
				if found && (err != nil || text != want) || !found && !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
					t.Fatalf("%q: %q, %v; want %q, found %v", key, text, err, want, found)
				}
			},
			"list": func(t *rapid.T) { checkListing(t, s, slices.Sorted(maps.Keys(model))) },
			"open": func(t *rapid.T) { s = open(t, root) },
		})
	})
}

// checkListing compares all pages of a listing with what S3 defines over the
// sorted keys.
func checkListing(t *rapid.T, s *Store, keys []string) {
	t.Helper()
	prefix := &gofakes3.Prefix{
		Prefix:    rapid.SampledFrom([]string{"", "", "a", "a/", "/", "..", "b/"}).Draw(t, "prefix"),
		Delimiter: rapid.SampledFrom([]string{"", "/", "."}).Draw(t, "delimiter"),
	}
	page := gofakes3.ListBucketPage{MaxKeys: rapid.Int64Range(1, 5).Draw(t, "page size")}
	var got []string
	for {
		list, err := s.ListBucket(ctx, bucket, prefix, page)
		if err != nil {
			t.Fatal(err)
		}
		items := make([]string, 0, page.MaxKeys)
		for _, content := range list.Contents {
			items = append(items, content.Key)
		}
		for _, common := range list.CommonPrefixes {
			items = append(items, common.Prefix)
		}
		if int64(len(items)) > page.MaxKeys {
			t.Fatalf("page of %d", len(items))
		}
		got = append(got, slices.Sorted(slices.Values(items))...)
		if !list.IsTruncated {
			break
		}
		page.Marker, page.HasMarker = list.NextMarker, true
	}
	if diff := cmp.Diff(listed(keys, prefix), got); diff != "" {
		t.Fatalf("%v of %q (-want +got):\n%s", prefix, keys, diff)
	}
}

// listed is the definition: keys with the prefix, cut after the delimiter,
// once each.
func listed(keys []string, prefix *gofakes3.Prefix) []string {
	var items []string
	for _, key := range keys {
		rest, found := strings.CutPrefix(key, prefix.Prefix)
		if !found {
			continue
		}
		if before, _, cut := strings.Cut(rest, prefix.Delimiter); cut && prefix.Delimiter != "" {
			key = prefix.Prefix + before + prefix.Delimiter
		}
		items = append(items, key)
	}
	slices.Sort(items)
	return slices.Compact(items)
}

func TestReaderKeepsTheVersionThatItOpened(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	put(t, s, "a", "old")
	object, err := s.GetObject(ctx, bucket, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Contents.Close()
	put(t, s, "a", "newer")
	if _, err := s.DeleteObject(ctx, bucket, "a"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(object.Contents); err != nil || string(text) != "old" {
		t.Errorf("read %q, %v", text, err)
	}
}

func TestBodyOfAnotherLengthIsRefused(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	put(t, s, "a", "old")
	for name, body := range map[string]io.Reader{
		"short":  strings.NewReader("x"),
		"broken": io.MultiReader(strings.NewReader("xyz"), brokenReader{}),
	} {
		if _, err := s.PutObject(ctx, bucket, "a", nil, body, 10); !gofakes3.HasErrorCode(err, gofakes3.ErrIncompleteBody) {
			t.Errorf("%s body: %v", name, err)
		}
	}
	if text, err := get(t, s, "a"); err != nil || text != "old" {
		t.Errorf("read %q, %v", text, err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A file that lost its end, as on a failing disk, must not pass for an object,
// nor vanish from listings; writing it again heals it.
func TestDamagedFileIsNoticed(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("audio", 100)
	for name, damage := range map[string]func(file []byte) []byte{
		"empty":          func([]byte) []byte { return nil },
		"without record": func(file []byte) []byte { return file[:len(text)] },
		"cut":            func(file []byte) []byte { return file[:len(file)-1] },
		"lost its start": func(file []byte) []byte { return file[1:] },
		"changed record": func(file []byte) []byte { file[len(text)+3]++; return file },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fresh(t)
			put(t, s, "a", text)
			path := filepath.Join(s.buckets(), bucket, "a"+suffix)
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(file), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := get(t, s, "a"); !errors.Is(err, errDamaged) {
				t.Errorf("read: %v, want damaged", err)
			}
			if list, err := s.ListBucket(ctx, bucket, nil, gofakes3.ListBucketPage{}); err != nil || len(list.Contents) != 1 {
				t.Errorf("listed %v, %v", list, err)
			}
			put(t, s, "a", text)
			if got, err := get(t, s, "a"); err != nil || got != text {
				t.Errorf("read again: %v", err)
			}
		})
	}
}

func TestCopyTakesTheBytesAndTheGivenMetadata(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	put(t, s, "a", "audio")
	if _, err := s.CopyObject(ctx, bucket, "a", bucket, "b/c", map[string]string{"Content-Type": "audio/mpeg"}); err != nil {
		t.Fatal(err)
	}
	object, err := s.HeadObject(ctx, bucket, "b/c")
	if err != nil || object.Size != 5 || object.Metadata["Content-Type"] != "audio/mpeg" {
		t.Errorf("copied %+v, %v", object, err)
	}
}

func TestBucketsOutsideTheFolderDoNotExist(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	for _, name := range []string{"..", "../parts", ".", "", "UPPER", "a/b"} {
		if err := s.CreateBucket(ctx, name); err == nil {
			t.Errorf("made bucket %q", name)
		}
		if found, err := s.BucketExists(ctx, name); found || err != nil {
			t.Errorf("bucket %q: %v, %v", name, found, err)
		}
		if err := s.DeleteBucket(ctx, name); !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchBucket) {
			t.Errorf("delete bucket %q: %v", name, err)
		}
		if _, err := s.PutObject(ctx, name, "a", nil, strings.NewReader(""), 0); !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchBucket) {
			t.Errorf("put into bucket %q: %v", name, err)
		}
	}
}

func TestBucketWithObjectsStays(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	put(t, s, "a/b/c", "x")
	if err := s.DeleteBucket(ctx, bucket); !gofakes3.HasErrorCode(err, gofakes3.ErrBucketNotEmpty) {
		t.Errorf("delete: %v", err)
	}
	if err := s.CreateBucket(ctx, bucket); !gofakes3.HasErrorCode(err, gofakes3.ErrBucketAlreadyExists) {
		t.Errorf("create again: %v", err)
	}
	result, err := s.DeleteMulti(ctx, bucket, "a/b/c", "none")
	if err != nil || len(result.Deleted) != 2 || len(result.Error) > 0 {
		t.Errorf("delete: %+v, %v", result, err)
	}
	if err := s.DeleteBucket(ctx, bucket); err != nil {
		t.Errorf("delete: %v", err)
	}
	if buckets, err := s.ListBuckets(ctx); err != nil || len(buckets) > 0 {
		t.Errorf("left %v, %v", buckets, err)
	}
}

func TestUploadIsMadeOfTheNamedPartsInOrder(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	id, err := s.CreateMultipartUpload(ctx, bucket, "a", map[string]string{"Content-Type": "audio/mpeg"})
	if err != nil {
		t.Fatal(err)
	}
	part := func(number int, text string) gofakes3.CompletedPart {
		t.Helper()
		tag, err := s.UploadPart(ctx, bucket, "a", id, number, int64(len(text)), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return gofakes3.CompletedPart{PartNumber: number, ETag: tag}
	}
	second, first := part(2, "two"), part(1, "one")
	part(3, "unused")
	part(2, "2 again") // the completion names the earlier one
	if _, err := s.UploadPart(ctx, bucket, "a", id, 4, 10, strings.NewReader("short")); !gofakes3.HasErrorCode(err, gofakes3.ErrIncompleteBody) {
		t.Errorf("short part: %v", err)
	}
	complete := func(parts ...gofakes3.CompletedPart) (string, error) {
		_, tag, err := s.CompleteMultipartUpload(ctx, bucket, "a", id, &gofakes3.CompleteMultipartUploadRequest{Parts: parts})
		return tag, err
	}
	for code, parts := range map[gofakes3.ErrorCode][]gofakes3.CompletedPart{
		gofakes3.ErrInvalidPartOrder: {second, first},
		gofakes3.ErrInvalidPart:      {first, {PartNumber: 2, ETag: `"../../upload.json"`}},
		gofakes3.ErrMalformedXML:     {},
	} {
		if _, err := complete(parts...); !gofakes3.HasErrorCode(err, code) {
			t.Errorf("complete %v: %v, want %s", parts, err, code)
		}
	}
	sum := md5.Sum([]byte("onetwo"))
	if tag, err := complete(first, second); err != nil || tag != etag(sum[:]) {
		t.Fatalf("complete: %s, %v", tag, err)
	}
	object, err := s.GetObject(ctx, bucket, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Contents.Close()
	text, err := io.ReadAll(object.Contents)
	if err != nil || string(text) != "onetwo" || object.Metadata["Content-Type"] != "audio/mpeg" {
		t.Errorf("object %q, %v, %v", text, object.Metadata, err)
	}
	if !slices.Equal(object.PartSizes, []int64{3, 3}) || !bytes.Equal(object.Hash, sum[:]) {
		t.Errorf("parts %v, hash %x", object.PartSizes, object.Hash)
	}
	if _, err := complete(first, second); !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchUpload) {
		t.Errorf("complete again: %v", err)
	}
}

func TestAbandonedUploadsAreReaped(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	id, err := s.CreateMultipartUpload(ctx, bucket, "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	reap := func(since time.Time) (forgotten []string) {
		t.Helper()
		err := s.Reap(since, func(bucket, key string, id gofakes3.UploadID) {
			forgotten = append(forgotten, bucket+"/"+key+"/"+string(id))
		})
		if err != nil {
			t.Fatal(err)
		}
		return forgotten
	}
	if got := reap(time.Now().Add(-time.Hour)); len(got) > 0 {
		t.Errorf("reaped one in use: %v", got)
	}
	want := []string{bucket + "/a/" + string(id)}
	if diff := cmp.Diff(want, reap(time.Now().Add(time.Hour))); diff != "" {
		t.Errorf("reaped (-want +got):\n%s", diff)
	}
	if _, err := s.UploadPart(ctx, bucket, "a", id, 1, 1, strings.NewReader("x")); !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchUpload) {
		t.Errorf("part of a reaped upload: %v", err)
	}
}

func TestUploadsOutsideTheFolderDoNotExist(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	for _, id := range []gofakes3.UploadID{"", ".", "..", "../buckets", "none"} {
		if _, err := s.UploadPart(ctx, bucket, "a", id, 1, 1, strings.NewReader("x")); !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchUpload) {
			t.Errorf("part of upload %q: %v", id, err)
		}
		if err := s.AbortMultipartUpload(ctx, bucket, "a", id); err != nil {
			t.Errorf("abort upload %q: %v", id, err)
		}
	}
	if found, err := s.BucketExists(ctx, bucket); !found || err != nil {
		t.Errorf("the bucket is gone: %v", err)
	}
}
