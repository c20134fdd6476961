package transcriber

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"github.com/loquent/callstream/schema"
)

// proven reads a copy, and ends in an error instead of io.EOF where it is not
// the object that was archived.
type proven struct {
	copy   io.Reader
	object schema.Object
	hash   hash.Hash
	size   int64
}

func newProven(copy io.Reader, object schema.Object) *proven {
	return &proven{copy: copy, object: object, hash: sha256.New()}
}

// Read reads on. At the end it compares; an object of which no SHA-256 is known
// is compared by its length.
func (p *proven) Read(b []byte) (int, error) {
	n, err := p.copy.Read(b)
	p.hash.Write(b[:n])
	p.size += int64(n)
	if err != io.EOF { //nolint:errorlint // a Reader returns io.EOF itself
		return n, err //nolint:wrapcheck // for the same reason
	}
	sum := hex.EncodeToString(p.hash.Sum(nil))
	if p.size != p.object.Size || p.object.SHA256 != "" && sum != p.object.SHA256 {
		return n, schema.Errorf(schema.Corrupt, "read %s: the bucket gives %d bytes of SHA-256 %s, which are not what was archived",
			p.object.Key, p.size, sum)
	}
	return n, io.EOF
}
