package cli_test

import (
	"testing"

	"github.com/loquent/callstream/pkg/embedded"
	"github.com/loquent/callstream/pkg/s3"
)

// makeBucket makes a bucket, as an operator does before callstream uses it.
func makeBucket(t *testing.T, server *embedded.S3, name string) {
	t.Helper()
	_, err := s3.Open(t.Context(), s3.Config{
		Endpoint: server.Endpoint(), Bucket: name, AccessKey: server.AccessKey(), SecretKey: server.SecretKey(), CreateBucket: true,
	})
	if err != nil {
		t.Fatal(err)
	}
}
