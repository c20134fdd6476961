package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

const (
	bucketWrite  topic = "bucket.write"
	bucketRead   topic = "bucket.read"
	bucketRange  topic = "bucket.range"
	bucketDelete topic = "bucket.delete"
)

const (
	probePrefix = "callstream-doctor/"
	probeSize   = 4096 // bytes
	probeOffset = 1000 // where the range starts
	probeLength = 500  // of the range
)

// probe is an object that is written to be read back and removed.
type probe struct {
	bucket  Bucket
	key     string
	content []byte
}

func newProbe(b Bucket) *probe {
	p := &probe{bucket: b, key: probePrefix + strings.ToLower(rand.Text()), content: make([]byte, probeSize)}
	_, _ = rand.Read(p.content) // never fails
	return p
}

// checkBucket does to an object of its own what the archiver, the player and
// the archiver's cleaning up do to recordings. Whatever fails, the object is
// removed: also after a write without an answer, which may have arrived.
func checkBucket(ctx context.Context, b Bucket) (findings []schema.Finding) {
	if b == nil {
		return []schema.Finding{bucketWrite.warning("Set S3_BUCKET and its credentials to check it.", "No bucket is configured here.")}
	}
	p := newProbe(b)
	step := func(do func(context.Context) schema.Finding) bool {
		began := time.Now()
		f := do(ctx)
		f.Took = time.Since(began)
		findings = append(findings, f)
		return f.Severity == schema.SeverityOK
	}
	if !step(p.write) {
		_ = p.remove(ctx) // told already: the bucket cannot be used
		return findings
	}
	if step(p.read) {
		step(p.readRange)
	}
	step(p.delete)
	return findings
}

func (p *probe) write(ctx context.Context) schema.Finding {
	_, err := p.bucket.Put(ctx, p.key, bytes.NewReader(p.content), int64(len(p.content)), "application/octet-stream")
	if err != nil {
		return bucketWrite.failed(adviseBucket(err, "s3:PutObject"), "The bucket takes no object: %s.", why(err))
	}
	return bucketWrite.ok("The bucket takes objects.")
}

func (p *probe) read(ctx context.Context) schema.Finding {
	got, err := p.whole(ctx)
	switch {
	case err != nil:
		return bucketRead.failed(adviseBucket(err, "s3:GetObject"), "An object that was just written cannot be read: %s.", why(err))
	case !bytes.Equal(got, p.content):
		return bucketRead.failed(
			"Look for a proxy or gateway between that alters objects; recordings would not verify, and stay at Twilio.",
			"An object of %d bytes came back as %d other bytes.", len(p.content), len(got))
	}
	return bucketRead.ok("Objects come back as they were written.")
}

func (p *probe) whole(ctx context.Context) ([]byte, error) {
	object, err := p.bucket.Open(ctx, p.key)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer object.Close()
	return io.ReadAll(io.LimitReader(object, 2*probeSize)) //nolint:wrapcheck // the object's own, which names it
}

// readRange reads as the player does when somebody skips ahead.
func (p *probe) readRange(ctx context.Context) schema.Finding {
	got, err := p.middle(ctx)
	switch {
	case err != nil:
		return bucketRange.failed(adviseBucket(err, "s3:GetObject"), "A part of an object cannot be read: %s.", why(err))
	case !bytes.Equal(got, p.content[probeOffset:][:probeLength]):
		return bucketRange.failed(
			"Use a server, or a proxy before it, that answers Range requests as S3 does; without, nobody can skip ahead in a recording.",
			"The bucket answered a request for a part of an object with other bytes.")
	}
	return bucketRange.ok("Parts of objects can be read, as skipping ahead in a recording needs.")
}

func (p *probe) middle(ctx context.Context) ([]byte, error) {
	object, err := p.bucket.Open(ctx, p.key)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer object.Close()
	if _, err := object.Seek(probeOffset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("seek: %w", err)
	}
	got := make([]byte, probeLength)
	_, err = io.ReadFull(object, got)
	return got, err //nolint:wrapcheck // the object's own, which names it
}

// delete removes the object and looks whether it is gone. The archiver removes
// copies that turned out wrong.
func (p *probe) delete(ctx context.Context) schema.Finding {
	if err := p.remove(ctx); err != nil {
		return bucketDelete.failed(
			adviseBucket(err, "s3:DeleteObject")+" Remove "+p.key+" by hand.",
			"An object cannot be deleted: %s.", why(err))
	}
	if object, err := p.bucket.Open(ctx, p.key); err == nil {
		_ = object.Close()
		return bucketDelete.warning(
			"See whether the bucket keeps deleted objects (object lock, replication, a cache before it), and remove "+p.key+" by hand.",
			"The bucket said that it deleted an object and still has it.")
	}
	return bucketDelete.ok("Objects can be deleted.")
}

// remove removes the object, also when the check's time is over.
func (p *probe) remove(ctx context.Context) error {
	err := p.bucket.Remove(ctx, p.key)
	if err == nil || ctx.Err() == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidy*3/4)
	defer cancel()
	return p.bucket.Remove(ctx, p.key)
}

// adviseBucket says what to do about err; permission is the one that the
// operation needs at Amazon.
func adviseBucket(err error, permission string) string {
	switch code := schema.CodeOf(err); {
	case code == schema.Unauthorized, code == schema.Forbidden:
		return "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, that the bucket's policy grants them " + permission + ", and this machine's clock."
	case code == schema.Invalid, code == schema.NotFound:
		return "Check S3_BUCKET, S3_REGION and S3_ENDPOINT, and that the bucket's policy grants " + permission + "."
	case code == schema.RateLimited:
		return "Try again; should it persist, ask the bucket's provider for a higher rate."
	case code == schema.Unavailable, errors.Is(err, context.DeadlineExceeded):
		return "Check S3_ENDPOINT, that the server runs, and the firewall between; recordings stay at Twilio meanwhile."
	}
	return "Check the bucket's policy and the S3 server's log."
}
