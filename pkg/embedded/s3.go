package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/rclone/gofakes3"

	"github.com/loquent/callstream/pkg/embedded/internal/objects"
	"github.com/loquent/callstream/schema"
)

// S3Options say where an S3 server keeps its objects and who reaches it.
type S3Options struct {
	Dir    string       // the data folder; the server's own is Dir/s3
	Logger *slog.Logger // nil: silent
	Addr   string       // "127.0.0.1:9000"; empty: a free port of the loopback interface
}

// S3 is an S3 server in this process that keeps objects as files. It answers
// signed requests only (signature version 4), its key pair is random and kept
// in the data folder. A write that it has acknowledged is fsynced.
type S3 struct {
	server    *http.Server
	dir       string
	endpoint  string
	accessKey string
	secretKey string
	serving   chan struct{} // closed when the listener has ended
	unused    *unusedConns
	stopReap  context.CancelFunc
}

// Uploads that nobody has touched for a day are dropped; a look an hour is
// enough for that.
const (
	uploadLife    = 24 * time.Hour
	reapInterval  = time.Hour
	s3HeaderLimit = 10 * time.Second // to send a request's header
	s3StopLimit   = 10 * time.Second // for requests in flight
)

// StartS3 starts a server and returns once it accepts connections.
func StartS3(ctx context.Context, options S3Options) (*S3, error) {
	dir := filepath.Join(options.Dir, "s3")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create S3 folder: %w", err)
	}
	store, err := objects.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open objects in %s: %w", dir, err)
	}
	access, err := secret(filepath.Join(dir, "access.key"))
	if err != nil {
		return nil, err
	}
	secretKey, err := secret(filepath.Join(dir, "secret.key"))
	if err != nil {
		return nil, err
	}
	addr := options.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, schema.Errorf(schema.Unavailable, "listen for S3: %w", err)
	}
	logger := orDiscard(options.Logger)
	api := gofakes3.New(store,
		gofakes3.WithV4Auth(map[string]string{access: secretKey}),
		gofakes3.WithLogger(s3Log{logger}))
	s := &S3{
		dir:       dir,
		endpoint:  "http://" + listener.Addr().String(),
		accessKey: access,
		secretKey: secretKey,
		serving:   make(chan struct{}),
		unused:    &unusedConns{},
		server: &http.Server{
			Handler:           api.Server(),
			ReadHeaderTimeout: s3HeaderLimit,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
	}
	s.server.ConnState = s.unused.track
	s.run(context.WithoutCancel(ctx), listener, api, store, logger)
	return s, nil
}

// run serves and reaps until Stop.
func (s *S3) run(ctx context.Context, listener net.Listener, api *gofakes3.GoFakeS3, store *objects.Store, logger *slog.Logger) {
	ctx, s.stopReap = context.WithCancel(ctx)
	go func() {
		defer close(s.serving)
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("s3: serve", "error", err)
		}
	}()
	go reapUploads(ctx, api, store, logger)
}

// reapUploads drops abandoned uploads until ctx ends.
func reapUploads(ctx context.Context, api *gofakes3.GoFakeS3, store *objects.Store, logger *slog.Logger) {
	tick := time.NewTicker(reapInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-tick.C:
			err := store.Reap(at.Add(-uploadLife), func(bucket, key string, id gofakes3.UploadID) {
				_ = api.ForgetMultipartUpload(ctx, bucket, key, id) // fails for one just completed
			})
			if err != nil {
				logger.Warn("s3: drop abandoned uploads", "error", err)
			}
		}
	}
}

// Endpoint returns the server's URL, such as http://127.0.0.1:9000. Buckets
// are path style.
func (s *S3) Endpoint() string { return s.endpoint }

// AccessKey returns the public part of the key pair.
func (s *S3) AccessKey() string { return s.accessKey }

// SecretKey returns the private part of the key pair.
func (s *S3) SecretKey() string { return s.secretKey }

// Stop ends the server. Requests in flight get ten seconds; the error tells
// when some were cut off, which then were not acknowledged.
func (s *S3) Stop() error {
	s.stopReap()
	ctx, cancel := context.WithTimeout(context.Background(), s3StopLimit)
	defer cancel()
	s.unused.close()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop S3: %w", err), s.server.Close())
	}
	<-s.serving
	return err
}

// s3Log hands the server's lines to slog. The server reports each request and
// each client's mistake; only what it could not do itself deserves attention.
type s3Log struct{ logger *slog.Logger }

// Print implements gofakes3.Logger.
func (l s3Log) Print(level gofakes3.LogLevel, v ...any) {
	if level == gofakes3.LogErr {
		l.logger.Error("s3: " + fmt.Sprint(v...))
		return
	}
	l.logger.Debug("s3: " + fmt.Sprint(v...))
}
