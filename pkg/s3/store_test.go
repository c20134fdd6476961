package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/loquent/callstream/pkg/embedded"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/schema"
)

func TestOpenWithoutBucket(t *testing.T) {
	t.Parallel()
	config := s3test.Config(t)
	config.CreateBucket = false
	_, err := s3.Open(t.Context(), config)
	wantCode(t, err, schema.Invalid)
	if err == nil || !strings.Contains(err.Error(), config.Bucket) || !strings.Contains(err.Error(), "S3_BUCKET") {
		t.Errorf("does not say what to do: %v", err)
	}
}

// Several roles that start at once all find the bucket that one of them made.
func TestOpenCreatesTheBucketOnce(t *testing.T) {
	t.Parallel()
	config := s3test.Config(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			store, err := s3.Open(t.Context(), config)
			if err != nil {
				t.Error(err)
				return
			}
			if err := store.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	config := s3test.Config(t)
	if _, err := s3.Open(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*s3.Config){
		"secret":      func(c *s3.Config) { c.SecretKey = "wrong" },
		"unknown key": func(c *s3.Config) { c.AccessKey = "AKIAUNKNOWN" },
	} {
		wrong := config
		change(&wrong)
		_, err := s3.Open(t.Context(), wrong)
		wantCode(t, err, schema.Unauthorized)
		if err == nil || !strings.Contains(err.Error(), "AWS_SECRET_ACCESS_KEY") || strings.Contains(err.Error(), config.SecretKey) {
			t.Errorf("%s: says %v", name, err)
		}
	}
}

func TestOpenRefusesNonsense(t *testing.T) {
	t.Parallel()
	good := s3.Config{Endpoint: "http://127.0.0.1:1", Bucket: "recordings", AccessKey: "key", SecretKey: "secret"}
	for name, change := range map[string]func(*s3.Config){
		"no bucket":         func(c *s3.Config) { c.Bucket = "" },
		"no bucket's name":  func(c *s3.Config) { c.Bucket = "My_Bucket" },
		"no scheme":         func(c *s3.Config) { c.Endpoint = "127.0.0.1:9000" },
		"another scheme":    func(c *s3.Config) { c.Endpoint = "ftp://host" },
		"no host":           func(c *s3.Config) { c.Endpoint = "https://" },
		"bucket in the URL": func(c *s3.Config) { c.Endpoint = "https://host/recordings" },
		"keys in the URL":   func(c *s3.Config) { c.Endpoint = "https://key:hunter2@host" },
		"keys in no URL":    func(c *s3.Config) { c.Endpoint = "https://key:hunter2@ho st" },
		"half a pair":       func(c *s3.Config) { c.SecretKey = "" },
	} {
		config := good
		change(&config)
		_, err := s3.Open(t.Context(), config)
		wantCode(t, err, schema.Invalid)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}

func TestServerGone(t *testing.T) {
	t.Parallel()
	server, err := embedded.StartS3(t.Context(), embedded.S3Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	store, err := s3.Open(t.Context(), s3.Config{
		Endpoint: server.Endpoint(), Bucket: "recordings", AccessKey: server.AccessKey(), SecretKey: server.SecretKey(), CreateBucket: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	object := put(t, store, "key", []byte("audio"))
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, store.Ready(t.Context()), schema.Unavailable)
	wantCode(t, store.Verify(t.Context(), object), schema.Unavailable)
	_, _, err = store.Get(t.Context(), "key")
	wantCode(t, err, schema.Unavailable)
	for _, size := range []int64{5, -1} {
		_, err = store.Put(t.Context(), "key", strings.NewReader("audio"), size, audioType)
		wantCode(t, err, schema.Unavailable)
	}
}

// A server that goes away in the middle of a body.
func TestServerGoesDuringAPut(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1000)
			n, _ := conn.Read(buf)
			if bytes.HasPrefix(buf[:n], []byte("HEAD")) {
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close() })
	store, err := s3.Open(t.Context(), s3.Config{
		Endpoint: "http://" + listener.Addr().String(), Bucket: "recordings", AccessKey: "key", SecretKey: "secret",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Put(t.Context(), "key", noise(1, 1<<20), 1<<20, audioType)
	wantCode(t, err, schema.Unavailable)
}

func TestCancelledBeforehand(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	_, _, err := store.Get(cancelled(t), "key")
	wantCode(t, err, schema.Unavailable)
	wantCode(t, store.Ready(cancelled(t)), schema.Unavailable)
}

func TestErrorCodes(t *testing.T) {
	t.Parallel()
	xml := func(code string) string {
		return "<Error><Code>" + code + "</Code><Message>told by the server</Message></Error>"
	}
	for name, c := range map[string]struct {
		status int
		body   string
		want   schema.Code
	}{
		"slow down":        {503, xml("SlowDown"), schema.RateLimited},
		"throttled":        {429, "", schema.RateLimited},
		"internal error":   {500, xml("InternalError"), schema.Unavailable},
		"bad gateway":      {502, "<html>bad gateway</html>", schema.Unavailable},
		"disk full":        {507, xml("XMinioStorageFull"), schema.Unavailable},
		"no such key":      {404, xml("NoSuchKey"), schema.NotFound},
		"no such bucket":   {404, xml("NoSuchBucket"), schema.Invalid},
		"access denied":    {403, xml("AccessDenied"), schema.Unauthorized},
		"expired token":    {400, xml("ExpiredToken"), schema.Unauthorized},
		"clock":            {403, xml("RequestTimeTooSkewed"), schema.Unauthorized},
		"another region":   {301, xml("PermanentRedirect"), schema.Invalid},
		"malformed region": {400, xml("AuthorizationHeaderMalformed"), schema.Invalid},
		"bad request":      {400, xml("InvalidArgument"), schema.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t, answer(c.status, http.Header{"Content-Type": {"application/xml"}}, c.body))
			_, _, err := store.Get(t.Context(), "key")
			wantCode(t, err, c.want)
			_, err = store.Put(t.Context(), "key", strings.NewReader("audio"), 5, audioType)
			wantCode(t, err, c.want)
			var coded *schema.Error
			if !errors.As(err, &coded) || !strings.HasPrefix(err.Error(), "put key: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}
