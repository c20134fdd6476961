// Package objects keeps S3 objects in files: the storage behind the S3 server
// of package embedded.
//
// Invariants:
//
//   - An object is one file that holds its bytes and then its record (size,
//     MD5, metadata). Data and metadata therefore appear together or not at
//     all.
//   - A file is written in a folder of its own, synced, renamed to its place,
//     and the folder's names are synced, before a write is acknowledged. A
//     crash leaves the old object or the new one, never a part of either.
//   - A reader keeps the version that it opened, whatever is written meanwhile.
//   - No body is held in memory.
//
// Layout below the root:
//
//	buckets/BUCKET/FOLDER/NAME.object   one object; see path.go for the names
//	parts/UPLOAD/                       an upload that is not complete yet
//	writing/                            files that have no place yet
package objects
