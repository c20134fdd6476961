package objects

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rclone/gofakes3"
)

// ListBucket returns a page of keys in S3's order, which is that of their
// bytes; keys that share their beginning up to a delimiter stand as one.
func (s *Store) ListBucket(ctx context.Context, bucket string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	dir, err := s.bucket(bucket)
	if err != nil {
		return nil, err
	}
	l := &lister{ctx: ctx, page: page, list: gofakes3.NewObjectList()}
	if prefix != nil {
		l.prefix, l.delimiter = prefix.Prefix, prefix.Delimiter
	}
	if err := l.walk(dir, ""); err != nil && !errors.Is(err, errFull) {
		return nil, err
	}
	return l.list, nil
}

// lister collects one page during a walk over a bucket.
type lister struct {
	ctx       context.Context
	prefix    string
	delimiter string
	page      gofakes3.ListBucketPage
	list      *gofakes3.ObjectList
	common    string // the last group of keys that stands as one
}

// errFull ends a walk whose page is full.
var errFull = errors.New("page is full")

// entry is a file or folder with the key, or the beginning of the keys, that
// it stands for.
type entry struct {
	path   string
	key    string
	folder bool
}

// walk visits the keys below dir, all of which begin with start, in order.
func (l *lister) walk(dir, start string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	entries, err := readEntries(dir, start)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case !l.wanted(e):
		case e.folder:
			err = l.walk(e.path, e.key)
		default:
			err = l.visit(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readEntries lists a folder in the order of keys. A folder's keys all begin
// with its name and a slash, so it sorts as that.
func readEntries(dir, start string) ([]entry, error) {
	listed, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // emptied and removed meanwhile
	}
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(listed))
	for _, item := range listed {
		name, isObject := strings.CutSuffix(item.Name(), suffix)
		part, ok := unescape(name)
		if !ok || isObject == item.IsDir() {
			continue // not ours
		}
		key := start + part
		if item.IsDir() {
			key += "/"
		}
		entries = append(entries, entry{path: filepath.Join(dir, item.Name()), key: key, folder: item.IsDir()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries, nil
}

// wanted tells whether the page may hold the entry, or keys below it.
func (l *lister) wanted(e entry) bool {
	if l.common != "" && strings.HasPrefix(e.key, l.common) {
		return false
	}
	if !e.folder {
		return strings.HasPrefix(e.key, l.prefix) && e.key > l.page.Marker
	}
	passed := e.key <= l.page.Marker && !strings.HasPrefix(l.page.Marker, e.key)
	inPrefix := strings.HasPrefix(e.key, l.prefix) || strings.HasPrefix(l.prefix, e.key)
	return inPrefix && !passed
}

// visit puts a key, or the group that it belongs to, on the page.
func (l *lister) visit(e entry) error {
	common, grouped := l.group(e.key)
	if grouped && (common == l.common || common <= l.page.Marker) {
		l.common = common
		return nil
	}
	var content *gofakes3.Content
	if !grouped {
		var err error
		if content, err = describe(e); content == nil {
			return err
		}
	}
	if l.page.MaxKeys > 0 && int64(len(l.list.Contents)+len(l.list.CommonPrefixes)) == l.page.MaxKeys {
		l.list.IsTruncated = true
		return errFull
	}
	if grouped {
		l.common, l.list.NextMarker = common, common
		l.list.AddPrefix(common)
		return nil
	}
	l.list.NextMarker = e.key
	l.list.Add(content)
	return nil
}

// group returns the beginning of a key up to the delimiter, if it has one
// after the prefix.
func (l *lister) group(key string) (string, bool) {
	if l.delimiter == "" {
		return "", false
	}
	at := strings.Index(key[len(l.prefix):], l.delimiter)
	if at < 0 {
		return "", false
	}
	return key[:len(l.prefix)+at+len(l.delimiter)], true
}

// describe reads what a listing tells of an object; nil when it was removed
// meanwhile. A damaged object is listed as well, or it would look deleted.
func describe(e entry) (*gofakes3.Content, error) {
	file, r, err := openObject(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	content := &gofakes3.Content{Key: e.key, StorageClass: "STANDARD"}
	if errors.Is(err, errDamaged) {
		return content, nil
	}
	if err != nil {
		return nil, err
	}
	content.Size, content.ETag = r.Size, etag(r.MD5)
	content.LastModified = gofakes3.NewContentTime(r.Modified)
	return content, file.Close()
}
