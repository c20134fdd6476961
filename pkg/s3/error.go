package s3

import (
	"errors"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/loquent/callstream/schema"
)

// classify gives an error of minio-go's its code, and a sentence where someone
// can act on it. What is no answer of the server's at all is a connection that
// could not be made or broke.
func (s *Store) classify(op string, err error) error {
	if err == nil {
		return nil
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return schema.Errorf(schema.Unavailable, "%s: %w", op, err)
	}
	code, advice := s.advise(answer)
	if advice == "" {
		return schema.Errorf(code, "%s: %w", op, err)
	}
	return schema.Errorf(code, "%s: %s: %w", op, advice, err)
}

// advise is the table from S3's errors to ours. The names are S3's, as listed
// in Amazon's "Error responses"; answers to HEAD have no name but the status.
func (s *Store) advise(answer minio.ErrorResponse) (schema.Code, string) {
	switch answer.Code {
	case minio.NoSuchBucket:
		return schema.Invalid, "there is no bucket " + s.bucket + "; create it, or set S3_BUCKET to one that exists"
	case minio.NoSuchKey:
		return schema.NotFound, ""
	case minio.RequestTimeTooSkewed:
		return schema.Unauthorized, "this machine's clock is wrong; S3 refuses signatures that are minutes off"
	case "PermanentRedirect", minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "IllegalLocationConstraintException":
		return schema.Invalid, "the bucket is in another region; set S3_REGION to it"
	case minio.PreconditionFailed:
		return schema.Conflict, "the object was replaced"
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException", "RequestLimitExceeded", "RequestThrottled":
		return schema.RateLimited, ""
	case "ExpiredToken", "ExpiredTokenException", "InvalidToken", minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch:
		return s.adviseStatus(http.StatusForbidden) // some come with another status
	case "RequestTimeout", minio.IncompleteBody:
		return schema.Unavailable, ""
	}
	return s.adviseStatus(answer.StatusCode)
}

// adviseStatus is for what has no line of its own in advise.
func (s *Store) adviseStatus(status int) (schema.Code, string) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return schema.Unauthorized, "S3 refuses the credentials, or they may not use bucket " + s.bucket +
			"; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy"
	case status == http.StatusNotFound:
		return schema.NotFound, ""
	case status == http.StatusTooManyRequests:
		return schema.RateLimited, ""
	case status == http.StatusMovedPermanently, status == http.StatusTemporaryRedirect:
		return schema.Invalid, "the bucket is in another region; set S3_REGION to it"
	case status == http.StatusConflict:
		return schema.Conflict, ""
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return schema.Invalid, ""
	}
	return schema.Unavailable, ""
}
