package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/loquent/callstream/schema"
)

// Verify reads the object back from the bucket, all of it, and compares size
// and SHA-256 with those of want. Nothing less proves a copy: an ETag is what
// the server says, and differs by how the object was uploaded.
//
// Errors: schema.Corrupt when the bucket holds other bytes, schema.NotFound
// when it holds none; otherwise as classify says.
func (s *Store) Verify(ctx context.Context, want schema.Object) error {
	stored, size, err := s.Get(ctx, want.Key)
	if err != nil {
		return err
	}
	defer func() { _ = stored.Close() }()
	if size != want.Size {
		return schema.Errorf(schema.Corrupt, "verify %s: the bucket holds %d bytes, %d were put there", want.Key, size, want.Size)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, stored); err != nil {
		return err //nolint:wrapcheck // classified by body
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != want.SHA256 {
		return schema.Errorf(schema.Corrupt, "verify %s: the bucket holds SHA-256 %s, %s was put there", want.Key, sum, want.SHA256)
	}
	return nil
}
