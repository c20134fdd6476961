package objects

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rclone/gofakes3"
	"pgregory.net/rapid"
)

// keys draws keys of the characters that make trouble on file systems.
func keys() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "b", "/", "/", "//", ".", "..", "../", "%", "%2F", "+", " ", "~", "-", "\\", ":", "*", "\x00", "\n",
			"ü", "日本", suffix, "object", "a" + suffix, "%2Eobject", "con",
		}), 1, 8).Draw(t, "pieces")
		return strings.Join(pieces, "")
	})
}

func TestPathStaysBelowTheBucketAndNamesOneKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := keys().Draw(t, "key")
		path, err := keyPath(key)
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsLocal(path) || filepath.Clean(path) != path {
			t.Fatalf("%q lies at %q", key, path)
		}
		if back := keyOf(t, path); back != key {
			t.Fatalf("%q lies at %q, which is the place of %q", key, path, back)
		}
	})
}

// keyOf reads a path back as the listing does.
func keyOf(t *rapid.T, path string) string {
	t.Helper()
	names := strings.Split(path, string(filepath.Separator))
	for i, name := range names {
		stem, isObject := strings.CutSuffix(name, suffix)
		part, ok := unescape(stem)
		if last := i == len(names)-1; !ok || isObject != last {
			t.Fatalf("%q in %q is no name", name, path)
		}
		names[i] = part
	}
	return strings.Join(names, "/")
}

func TestKeyPartsLongerThanAFileNameAreRefused(t *testing.T) {
	t.Parallel()
	for key, fits := range map[string]bool{
		strings.Repeat("a", maxName-len(suffix)):            true,
		strings.Repeat("a", maxName-len(suffix)+1):          false,
		strings.Repeat("a", maxName) + "/b":                 true,
		strings.Repeat("a", maxName+1) + "/b":               false,
		strings.Repeat("ü", 100):                            false,
		strings.Repeat(strings.Repeat("a", 200)+"/", 5)[1:]: true,
	} {
		_, err := keyPath(key)
		if fits != (err == nil) || (err != nil && !gofakes3.HasErrorCode(err, gofakes3.ErrKeyTooLong)) {
			t.Errorf("%d bytes: %v, want fits %v", len(key), err, fits)
		}
	}
}
