// Package secrets seals what must not be readable in the database: AES-256-GCM
// under a key of the operator's, bound to the row that it belongs to.
//
//   - A sealed value names the key that sealed it, so that keys can be rotated:
//     the first key of the ring seals, every key of it opens.
//   - The additional data (the row's id) is part of the seal: a value copied to
//     another row does not open.
package secrets

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/loquent/callstream/schema"
)

const (
	keySize = 32 // AES-256
	idSize  = 4  // of the key's own hash, before the sealed value
)

// Keyring holds the keys, the sealing one first.
type Keyring struct {
	keys []key
}

type key struct {
	id   [idSize]byte
	aead cipher.AEAD
}

// Parse reads one or more keys of 32 bytes in base64, separated by commas; the
// first seals. The error is [schema.Invalid] and repeats no part of a key.
func Parse(keys string) (*Keyring, error) {
	ring := &Keyring{}
	for encoded := range strings.SplitSeq(keys, ",") {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err != nil || len(raw) != keySize {
			return nil, schema.Errorf(schema.Invalid, "a key is not 32 bytes in base64; make one with: openssl rand -base64 32")
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, schema.Errorf(schema.Invalid, "make cipher: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, schema.Errorf(schema.Invalid, "make cipher: %w", err)
		}
		hash := sha256.Sum256(raw)
		ring.keys = append(ring.keys, key{[idSize]byte(hash[:idSize]), aead})
	}
	return ring, nil
}

// Seal encrypts plaintext under the first key, bound to aad.
func (r *Keyring) Seal(plaintext, aad []byte) ([]byte, error) {
	k := r.keys[0]
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	sealed := append(k.id[:], nonce...)
	return k.aead.Seal(sealed, nonce, plaintext, aad), nil
}

// Current reports whether the first key, which Seal uses, sealed the value: once
// that is so of all of them, the other keys can go.
func (r *Keyring) Current(sealed []byte) bool {
	return bytes.HasPrefix(sealed, r.keys[0].id[:])
}

// Open decrypts what Seal returned, with the same aad. The error is
// [schema.Corrupt] when the value was altered or belongs elsewhere, and
// [schema.Invalid] when no key of the ring sealed it.
func (r *Keyring) Open(sealed, aad []byte) ([]byte, error) {
	for _, k := range r.keys {
		if len(sealed) < idSize+k.aead.NonceSize() || [idSize]byte(sealed[:idSize]) != k.id {
			continue
		}
		nonce, rest := sealed[idSize:idSize+k.aead.NonceSize()], sealed[idSize+k.aead.NonceSize():]
		plaintext, err := k.aead.Open(nil, nonce, rest, aad)
		if err != nil {
			return nil, schema.Errorf(schema.Corrupt, "open secret: %w", err)
		}
		return plaintext, nil
	}
	return nil, schema.Errorf(schema.Invalid, "open secret: no key of CALLSTREAM_SECRET_KEY sealed it; was the key changed?")
}
