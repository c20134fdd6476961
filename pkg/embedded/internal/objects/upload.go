package objects

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3 defines the ETag by it
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rclone/gofakes3"
)

// upload is a multipart upload that is not complete yet.
type upload struct {
	Bucket   string            `json:"bucket"`
	Key      string            `json:"key"`
	Metadata map[string]string `json:"metadata"`
}

// CreateMultipartUpload begins an upload in a folder of its own. Uploads need
// no sync before they are complete: none outlives the process.
func (s *Store) CreateMultipartUpload(_ context.Context, bucket, key string, metadata map[string]string) (gofakes3.UploadID, error) {
	if _, err := s.object(bucket, key); err != nil {
		return "", err
	}
	text, err := json.Marshal(upload{Bucket: bucket, Key: key, Metadata: metadata})
	if err != nil {
		return "", err
	}
	id := rand.Text()
	dir := filepath.Join(s.parts(), id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return gofakes3.UploadID(id), os.WriteFile(filepath.Join(dir, "upload.json"), text, 0o600)
}

// UploadPart stores one part. Its name holds its number and its MD5, so that
// a part sent again, even at the same time, replaces nothing that a
// completion may name.
func (s *Store) UploadPart(_ context.Context, _, _ string, id gofakes3.UploadID, number int, size int64, body io.Reader) (string, error) {
	dir, err := s.uploadDir(id)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(dir, "part-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name()) // finds nothing once renamed
	defer file.Close()
	sum := md5.New() //nolint:gosec // as above
	n, err := io.Copy(io.MultiWriter(file, sum), body)
	if errors.Is(err, io.ErrUnexpectedEOF) || (err == nil && n != size) {
		err = gofakes3.ErrIncompleteBody
	}
	if err != nil {
		return "", err
	}
	tag := etag(sum.Sum(nil))
	return tag, os.Rename(file.Name(), partPath(dir, number, tag))
}

// CompleteMultipartUpload makes one object of the named parts, durably. The
// object's ETag is the MD5 of all its bytes.
func (s *Store) CompleteMultipartUpload(ctx context.Context, bucket, key string, id gofakes3.UploadID, named *gofakes3.CompleteMultipartUploadRequest) (gofakes3.VersionID, string, error) {
	dir, err := s.uploadDir(id)
	if err != nil {
		return "", "", err
	}
	begun, err := readUpload(dir)
	if err != nil {
		return "", "", err
	}
	w, err := s.write(bucket, key)
	if err != nil {
		return "", "", err
	}
	defer w.discard()
	sizes, err := w.join(dir, named.Parts)
	if err != nil {
		return "", "", err
	}
	if err := w.commit(ctx, record{Key: key, Metadata: begun.Metadata, Parts: sizes}); err != nil {
		return "", "", err
	}
	// The object is there; parts that stay behind are reaped later.
	_ = os.RemoveAll(dir)
	return "", etag(w.md5.Sum(nil)), nil
}

// AbortMultipartUpload drops an upload and its parts.
func (s *Store) AbortMultipartUpload(_ context.Context, _, _ string, id gofakes3.UploadID) error {
	dir, err := s.uploadDir(id)
	if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchUpload) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// join appends the parts in the order of their numbers and returns their
// sizes.
func (w *writer) join(dir string, parts []gofakes3.CompletedPart) ([]int64, error) {
	if len(parts) == 0 {
		return nil, gofakes3.ErrMalformedXML
	}
	sizes := make([]int64, len(parts))
	for i, part := range parts {
		if i > 0 && part.PartNumber <= parts[i-1].PartNumber {
			return nil, gofakes3.ErrInvalidPartOrder
		}
		n, err := w.appendFile(partPath(dir, part.PartNumber, part.ETag))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, gofakes3.ErrInvalidPart
		}
		if err != nil {
			return nil, err
		}
		sizes[i] = n
	}
	return sizes, nil
}

func (w *writer) appendFile(path string) (int64, error) {
	file, err := os.Open(path) //nolint:gosec // made by partPath
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return io.Copy(w, file)
}

// Reap drops the uploads that nobody has touched since the given time and
// calls forget for each.
func (s *Store) Reap(since time.Time, forget func(bucket, key string, id gofakes3.UploadID)) error {
	entries, err := os.ReadDir(s.parts())
	if err != nil {
		return err
	}
	var failed []error
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || info.ModTime().After(since) {
			continue // gone, or a part came meanwhile
		}
		dir := filepath.Join(s.parts(), entry.Name())
		begun, err := readUpload(dir)
		failed = append(failed, os.RemoveAll(dir))
		if err == nil {
			forget(begun.Bucket, begun.Key, gofakes3.UploadID(entry.Name()))
		}
	}
	return errors.Join(failed...)
}

// uploadDir returns the folder of an upload. The server hands over only what
// CreateMultipartUpload has made; still no other name becomes a path.
func (s *Store) uploadDir(id gofakes3.UploadID) (string, error) {
	dir := filepath.Join(s.parts(), string(id))
	if strings.ContainsAny(string(id), `/\.`) || id == "" {
		return "", gofakes3.ErrNoSuchUpload
	}
	_, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", gofakes3.ErrNoSuchUpload
	}
	return dir, err
}

func readUpload(dir string) (upload, error) {
	text, err := os.ReadFile(filepath.Join(dir, "upload.json")) //nolint:gosec // below parts
	if errors.Is(err, fs.ErrNotExist) {
		return upload{}, gofakes3.ErrNoSuchUpload
	}
	if err != nil {
		return upload{}, err
	}
	var u upload
	return u, json.NewDecoder(bytes.NewReader(text)).Decode(&u)
}

// partPath names a part. What is not an ETag of ours names no file.
func partPath(dir string, number int, tag string) string {
	sum, err := hex.DecodeString(strings.Trim(tag, `"`))
	if err != nil {
		sum = nil
	}
	return filepath.Join(dir, fmt.Sprintf("%05d-%x", number, sum))
}
