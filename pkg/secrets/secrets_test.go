package secrets_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/secrets"
	"github.com/loquent/callstream/schema"
)

func encoded(b byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(b), 32)))
}

func ring(t *testing.T, keys ...string) *secrets.Keyring {
	t.Helper()
	r, err := secrets.Parse(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARotatedKeyStillOpens(t *testing.T) {
	t.Parallel()
	sealed, err := ring(t, encoded('a')).Seal([]byte("token"), []byte("row 1"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed), "token") {
		t.Error("the sealed value shows the secret")
	}
	opened, err := ring(t, encoded('b'), encoded('a')).Open(sealed, []byte("row 1"))
	if err != nil || string(opened) != "token" {
		t.Errorf("%q, %v", opened, err)
	}
	if _, err := ring(t, encoded('b')).Open(sealed, []byte("row 1")); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("without the old key: %v", err)
	}
}

func TestASecretOpensOnlyInItsRow(t *testing.T) {
	t.Parallel()
	r := ring(t, encoded('a'))
	sealed, _ := r.Seal([]byte("token"), []byte("row 1"))
	if _, err := r.Open(sealed, []byte("row 2")); schema.CodeOf(err) != schema.Corrupt {
		t.Errorf("in another row: %v", err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := r.Open(sealed, []byte("row 1")); schema.CodeOf(err) != schema.Corrupt {
		t.Errorf("altered: %v", err)
	}
	if _, err := r.Open(nil, nil); err == nil {
		t.Error("nothing opens")
	}
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "short", base64.StdEncoding.EncodeToString([]byte("16 bytes of key!")), encoded('a') + ",x"} {
		if _, err := secrets.Parse(bad); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWhichKeySealed(t *testing.T) {
	t.Parallel()
	before, after := ring(t, encoded('a')), ring(t, encoded('b'), encoded('a'))
	old, _ := before.Seal([]byte("token"), nil)
	fresh, _ := after.Seal([]byte("token"), nil)
	if !before.Current(old) || after.Current(old) || !after.Current(fresh) || after.Current(nil) {
		t.Error("a value is taken for one under another key")
	}
}
