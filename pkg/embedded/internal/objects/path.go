package objects

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/rclone/gofakes3"
)

// suffix ends the name of each object's file, which tells it from a folder:
// S3 lets "a" and "a/b" both be keys.
const suffix = ".object"

// maxName is the longest file name that the usual file systems take, in bytes.
const maxName = 255

// keyPath returns where the object of a key lies below its bucket. Each part
// of the key becomes one name; the parts' order is kept, so that a walk over
// the folders meets the keys in S3's order.
func keyPath(key string) (string, error) {
	parts := strings.Split(key, "/")
	for i, part := range parts {
		name := escape(part)
		if i == len(parts)-1 {
			name += suffix
		}
		if len(name) > maxName {
			return "", gofakes3.ResourceError(gofakes3.ErrKeyTooLong, key)
		}
		parts[i] = name
	}
	return filepath.Join(parts...), nil
}

// escape turns a part of a key into a name: letters, digits, "-", "_", "~"
// and "." stay. No name is empty, begins with a dot, holds a separator, or,
// as a folder, looks like an object's file. A lone "%" stands for the empty
// part, which no escaped text is.
func escape(part string) string {
	if part == "" {
		return "%"
	}
	name := url.QueryEscape(part)
	if strings.HasPrefix(name, ".") {
		name = "%2E" + name[1:]
	}
	if stem, found := strings.CutSuffix(name, suffix); found {
		name = stem + "%2E" + suffix[1:]
	}
	return name
}

// unescape turns a name back; ok is false for names that escape never makes.
func unescape(name string) (part string, ok bool) {
	if name == "%" {
		return "", true
	}
	part, err := url.QueryUnescape(name)
	return part, err == nil && escape(part) == name
}
