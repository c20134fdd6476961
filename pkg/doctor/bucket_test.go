package doctor_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/loquent/callstream/pkg/doctor"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/schema"
)

// watched keeps which objects were put and removed in a bucket.
type watched struct {
	doctor.Bucket
	mu   sync.Mutex
	keys []string
}

func (w *watched) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (schema.Object, error) {
	w.mu.Lock()
	w.keys = append(w.keys, key)
	w.mu.Unlock()
	return w.Bucket.Put(ctx, key, body, size, contentType)
}

// empty checks that the real store holds nothing of what was put.
func (w *watched) empty(t *testing.T, store *s3.Store) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range w.keys {
		if !strings.HasPrefix(key, "callstream-doctor/") {
			t.Errorf("it wrote %s", key)
		}
		if _, err := store.Stat(t.Context(), key); schema.CodeOf(err) != schema.NotFound {
			t.Errorf("%s is left: %v", key, err)
		}
	}
	if len(w.keys) == 0 {
		t.Error("nothing was written")
	}
}

func TestBucket(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	bucket := &watched{Bucket: store}
	found := system(t, doctor.Config{Bucket: bucket})
	for _, check := range []string{"bucket.write", "bucket.read", "bucket.range", "bucket.delete"} {
		expect(t, about(t, found, check), schema.SeverityOK)
	}
	bucket.empty(t, store)
}

// roundTripper is one whose answers a test sets.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Each way in which a real bucket fails: at which step, and with which advice.
// What was written is removed all the same.
func TestBucketFails(t *testing.T) {
	t.Parallel()
	refuse := func(matches func(*http.Request) bool, status int, code string) roundTripper {
		return func(r *http.Request) (*http.Response, error) {
			if !matches(r) || !strings.Contains(r.URL.Path, "callstream-doctor/") {
				return http.DefaultTransport.RoundTrip(r)
			}
			body := "<Error><Code>" + code + "</Code><Message>no</Message></Error>"
			return &http.Response{
				StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
				Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
			}, nil
		}
	}
	method := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == name }
	}
	for what, test := range map[string]struct {
		transport roundTripper
		check     string
		words     []string
		left      bool // the double lets nobody delete
		unsaid    string
	}{
		"may not write": {refuse(method(http.MethodPut), 403, "AccessDenied"), "bucket.write", []string{"takes no object", "AWS_ACCESS_KEY_ID", "s3:PutObject"}, false, "bucket.read"},
		"may not read":  {refuse(method(http.MethodGet), 403, "AccessDenied"), "bucket.read", []string{"s3:GetObject"}, false, "bucket.range"},
		"no ranges": {func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Del("Range")
			return http.DefaultTransport.RoundTrip(r)
		}, "bucket.range", nil, false, ""},
		"may not delete": {refuse(method(http.MethodDelete), 403, "AccessDenied"), "bucket.delete", []string{"s3:DeleteObject", "Remove callstream-doctor/"}, true, ""},
		"wrong region":   {refuse(method(http.MethodPut), 301, "PermanentRedirect"), "bucket.write", []string{"S3_REGION"}, false, "bucket.delete"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			config := s3test.Config(t)
			store, err := s3.Open(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			config.Transport = test.transport
			hindered, err := s3.Open(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			bucket := &watched{Bucket: hindered}
			found := system(t, doctor.Config{Bucket: bucket})
			expect(t, about(t, found, test.check), schema.SeverityFailed, test.words...)
			if test.unsaid != "" && said(found, test.unsaid) {
				t.Errorf("%s is told of, though %s has failed", test.unsaid, test.check)
			}
			if !test.left {
				bucket.empty(t, store)
			}
		})
	}
}

// memory is a bucket in memory that does what a test wants it to.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	put     func(ctx context.Context) error // after the object is stored
	alter   func(content []byte) []byte     // what is read
	remove  func() error
}

func (m *memory) Put(ctx context.Context, key string, body io.Reader, _ int64, _ string) (schema.Object, error) {
	content, err := io.ReadAll(body)
	if err != nil {
		return schema.Object{}, err
	}
	m.mu.Lock()
	m.objects = map[string][]byte{key: content}
	m.mu.Unlock()
	if m.put != nil {
		return schema.Object{}, m.put(ctx)
	}
	return schema.Object{}, nil
}

// nopCloser is a reader in memory as the bucket returns it.
type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

func (m *memory) Open(_ context.Context, key string) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.objects[key]
	if !ok {
		return nil, schema.Errorf(schema.NotFound, "no %s", key)
	}
	if m.alter != nil {
		content = m.alter(bytes.Clone(content))
	}
	return nopCloser{bytes.NewReader(content)}, nil
}

func (m *memory) Remove(ctx context.Context, key string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m.remove != nil {
		return m.remove()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

// A bucket that says yes and does something else.
func TestBucketLies(t *testing.T) {
	t.Parallel()
	reads := 0
	for what, test := range map[string]struct {
		bucket   *memory
		check    string
		severity schema.Severity
		word     string
	}{
		"it cuts off": {&memory{alter: func(c []byte) []byte { return c[:100] }}, "bucket.read", schema.SeverityFailed, "proxy"},
		"it alters":   {&memory{alter: func(c []byte) []byte { c[7]++; return c }}, "bucket.read", schema.SeverityFailed, "proxy"},
		"it gives another part": {&memory{alter: func(c []byte) []byte {
			if reads++; reads > 1 {
				c[1100]++
			}
			return c
		}}, "bucket.range", schema.SeverityFailed, "Range"},
		"it keeps what is deleted": {&memory{remove: func() error { return nil }}, "bucket.delete", schema.SeverityWarning, "object lock"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			expect(t, about(t, system(t, doctor.Config{Bucket: test.bucket}), test.check), test.severity, test.word)
		})
	}
}

// The answer to a write is lost, or does not come in time: the object is there
// and has to go.
func TestBucketLeavesNothing(t *testing.T) {
	t.Parallel()
	for what, put := range map[string]func(context.Context) error{
		"answer lost": func(context.Context) error { return schema.Errorf(schema.Unavailable, "put: broken pipe") },
		"no answer":   func(ctx context.Context) error { <-ctx.Done(); return errors.Join(ctx.Err()) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				bucket := &memory{put: put}
				expect(t, about(t, system(t, doctor.Config{Bucket: bucket}), "bucket.write"), schema.SeverityFailed)
				if len(bucket.objects) != 0 {
					t.Errorf("left behind: %d objects", len(bucket.objects))
				}
			})
		})
	}
}
