package s3

import (
	"context"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/loquent/callstream/schema"
)

// Store is one bucket. It is safe for concurrent use.
type Store struct {
	core    minio.Core
	bucket  string
	region  string
	metrics *metrics
}

// Open connects to the bucket of c and checks that it is there and that the
// credentials are let in. With CreateBucket it makes the bucket first, and
// several processes may do so at once.
//
// Errors: schema.Invalid for a configuration that cannot work, a bucket that
// does not exist included; otherwise as [Store.Ready].
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := s3utils.CheckValidBucketNameStrict(c.Bucket); err != nil {
		return nil, schema.Errorf(schema.Invalid, "S3 bucket %q: %w", c.Bucket, err)
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	metrics, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, schema.Errorf(schema.Internal, "open bucket %s: %w", c.Bucket, err)
	}
	s := &Store{core: minio.Core{Client: client}, bucket: c.Bucket, region: c.Region, metrics: metrics}
	if c.CreateBucket {
		err = s.create(ctx)
	} else {
		err = s.Ready(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Ready checks that the bucket answers. Errors: schema.Unavailable when the
// server does not, schema.Unauthorized when it refuses the credentials,
// schema.Invalid when there is no such bucket.
func (s *Store) Ready(ctx context.Context) (err error) {
	defer func(start time.Time) { s.metrics.observe("ready", start, err) }(time.Now())
	exists, err := s.core.BucketExists(ctx, s.bucket)
	if err != nil {
		return s.classify("look for bucket "+s.bucket, err)
	}
	if !exists {
		return s.classify("look for bucket "+s.bucket, minio.ErrorResponse{Code: minio.NoSuchBucket})
	}
	return nil
}

// create makes the bucket unless it is there.
func (s *Store) create(ctx context.Context) error {
	ready := s.Ready(ctx)
	if schema.CodeOf(ready) != schema.Invalid {
		return ready // it is there, or cannot be asked for
	}
	err := s.core.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: s.region})
	if err != nil && s.Ready(ctx) == nil {
		return nil // another process was first
	}
	return s.classify("create bucket "+s.bucket, err)
}

// URL is how the database names the object at key, whether there is one or not.
func (s *Store) URL(key string) string { return "s3://" + s.bucket + "/" + key }
