// Package s3 is the archive: one bucket of any service that speaks S3, through
// minio-go.
//
//   - What [Store.Put] returns without an error is in the bucket whole: the
//     body was read to its end, and its length is the announced one. Otherwise
//     the key is as it was before, since S3 makes an object visible only when
//     all of it has arrived.
//   - The SHA-256 of an object is taken from the bytes on their way in.
//     [Store.Verify] reads them back and compares; only then is a copy proven.
//   - Memory is constant: a body of known length is one request that streams,
//     one of unknown length goes in parts of 5 MiB.
//   - Errors are [schema.Error]s by what can be done about them (see classify).
//     Bodies are not repeated here, since they are streams; the stream's runner
//     starts over from the source.
//   - A failed Put never removes anything: an earlier copy may be under its key.
package s3
