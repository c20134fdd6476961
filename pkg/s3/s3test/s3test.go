// Package s3test opens buckets for tests.
package s3test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/s3"
)

// New returns a store on a bucket of t's own, empty, at the S3 server that the
// test process shares.
func New(t testing.TB) *s3.Store {
	t.Helper()
	store, err := s3.Open(t.Context(), Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Config returns what New opens: a bucket with a fresh name, made on opening.
func Config(t testing.TB) s3.Config {
	t.Helper()
	server := embeddedtest.S3(t)
	return s3.Config{
		Endpoint:     server.Endpoint(),
		Bucket:       "test-" + strings.ToLower(rand.Text()),
		AccessKey:    server.AccessKey(),
		SecretKey:    server.SecretKey(),
		CreateBucket: true,
	}
}
