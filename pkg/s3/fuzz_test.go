package s3_test

import (
	"io"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/loquent/callstream/schema"
)

// FuzzKey: a key is refused before anything is sent, or names one object of the
// bucket, the same to a server, a proxy and a file system along the way.
func FuzzKey(f *testing.F) {
	for _, key := range []string{
		"org/2026/05/04/CA1/RE1.mp3", "", "/", "../../etc/passwd", "a/../b", "a//b", "./a", "a/.", `a\..\b`, "a\x00b", "a%2F..%2Fb", "a?versioning", "a#b", "a b+c", "é/日本", "\xff",
		strings.Repeat("a", 1025), "a/\u2025/b", "..;/a",
	} {
		f.Add(key)
	}
	var asked []string
	store := open(f, func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		if r.URL.Host != "s3.example.test" || path.Clean(r.URL.Path) != r.URL.Path || strings.Contains(r.URL.EscapedPath(), "/../") {
			asked = append(asked, "astray: "+r.URL.String())
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return answer(http.StatusOK, http.Header{"Etag": {`"e"`}}, "")(r)
	})
	f.Fuzz(func(t *testing.T, key string) {
		asked = nil
		_, err := store.Put(t.Context(), key, strings.NewReader("audio"), 5, audioType)
		if schema.CodeOf(err) == schema.Invalid && len(asked) == 0 {
			return
		}
		if err != nil || len(asked) != 1 || asked[0] != "PUT /recordings/"+key {
			t.Errorf("%q: %v, having asked for %q", key, err, asked)
		}
	})
}
