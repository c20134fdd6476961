package s3

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/loquent/callstream/schema"
)

// maxKey is S3's own limit, in bytes.
const maxKey = 1024

// checkKey refuses keys that S3 would take but that some server, file system
// or URL along the way would read as another: parents, empty steps, control
// characters.
func checkKey(key string) error {
	if strings.TrimSpace(key) == "" || len(key) > maxKey || !utf8.ValidString(key) {
		return schema.Errorf(schema.Invalid, "S3 key %.80q: want 1 to %d bytes of UTF-8 that can be seen", key, maxKey)
	}
	if strings.ContainsRune(key, '\\') || strings.ContainsFunc(key, unicode.IsControl) {
		return schema.Errorf(schema.Invalid, "S3 key %.80q holds a backslash or a control character", key)
	}
	for step := range strings.SplitSeq(key, "/") {
		if step == "" || step == "." || step == ".." {
			return schema.Errorf(schema.Invalid, "S3 key %.80q: no step may be empty, . or ..", key)
		}
	}
	return nil
}
