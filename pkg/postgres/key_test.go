package postgres_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// key makes one and returns it with its id.
func (w *world) key(org, name string, permissions ...string) (key, id string) {
	w.t.Helper()
	key, err := w.CreateAPIKey(w.boss(), org, name, permissions)
	must(w.t, err)
	principal, err := w.APIKey(w.t.Context(), key)
	must(w.t, err)
	return key, principal.KeyID
}

// works fails unless the key does, or does not.
func (w *world) works(key string, want bool) {
	w.t.Helper()
	_, err := w.APIKey(w.t.Context(), key)
	code := schema.Code("")
	if !want {
		code = schema.Unauthorized
	}
	wantCode(w.t, err, code)
}

func TestAKeyIsCreatedAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, org := range []string{w.account.OrganizationID, ""} {
		var key, id string
		told := w.told("", func() { key, id = w.key(org, "laptop", "read", "play") })
		if diff := cmp.Diff([]string{`cli:boss@desk key.create ` + id + ` {"name": "laptop", "permissions": ["read", "play"]}`}, told); diff != "" {
			t.Error(diff)
		}
		w.wantLog("a key revoked", func() {
			must(t, w.RevokeAPIKey(w.boss(), org, id))
			must(t, w.RevokeAPIKey(w.boss(), org, id))
		}, `cli:boss@desk key.revoke `+id+` {"name": "laptop"}`)
		w.works(key, false)
		keys, err := w.APIKeys(t.Context(), org)
		must(t, err)
		if len(keys) != 1 || keys[0].RevokedAt == nil || keys[0].CreatedAt.IsZero() || keys[0].ExpiresAt != nil {
			t.Fatalf("%+v", keys)
		}
		want := schema.APIKey{
			ID: id, OrganizationID: org, Name: "laptop", Permissions: []string{"read", "play"},
			CreatedAt: keys[0].CreatedAt, RevokedAt: keys[0].RevokedAt,
		}
		if diff := cmp.Diff(want, keys[0]); diff != "" {
			t.Error(diff)
		}
	}
	for _, name := range []string{"", "  ", strings.Repeat("x", 201), "a\x00b"} {
		_, err := w.CreateAPIKey(t.Context(), "", name, nil)
		wantCode(t, err, schema.Invalid)
	}
}

// The old key works on while its users change over, and no longer.
func TestAKeyIsRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, org := range []string{w.account.OrganizationID, ""} {
		old, id := w.key(org, "ci", "read")
		var fresh string
		told := w.told("", func() {
			var err error
			fresh, err = w.RotateAPIKey(w.boss(), org, id, time.Hour)
			must(t, err)
		})
		got, err := w.APIKey(t.Context(), fresh)
		must(t, err)
		want := schema.Principal{KeyID: got.KeyID, OrganizationID: org, Name: "ci", Permissions: []string{"read"}}
		if diff := cmp.Diff(want, got); diff != "" || got.KeyID == id || fresh == old {
			t.Errorf("the successor: %s", diff)
		}
		w.works(old, true)
		keys, err := w.APIKeys(t.Context(), org)
		must(t, err)
		ends := keys[0].ExpiresAt
		if len(keys) != 2 || ends == nil || ends.Before(time.Now()) || ends.After(time.Now().Add(2*time.Hour)) || keys[1].ExpiresAt != nil {
			t.Fatalf("%+v", keys)
		}
		if diff := cmp.Diff([]string{
			`cli:boss@desk key.create ` + got.KeyID + ` {"name": "ci", "permissions": ["read"], "rotated_from": "` + id + `"}`,
			`cli:boss@desk key.rotate ` + id + ` {"name": "ci", "successor": "` + got.KeyID + `", "expires_at": "` + ends.Format(time.RFC3339Nano) + `"}`,
		}, told); diff != "" {
			t.Error(diff)
		}
		_, err = w.RotateAPIKey(t.Context(), org, id, 0) // would be a second successor
		wantCode(t, err, schema.Conflict)
		w.exec(`UPDATE api_key SET expires_at = clock_timestamp() WHERE id = $1`, id)
		w.works(old, false)

		last, err := w.RotateAPIKey(t.Context(), org, got.KeyID, 0)
		must(t, err)
		w.works(fresh, false)
		w.works(last, true)
	}
}

func TestAKeyThatCannotBeRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	key, id := w.key(org, "k")
	_, err := w.RotateAPIKey(t.Context(), org, id, -time.Second)
	wantCode(t, err, schema.Invalid)
	_, err = w.RotateAPIKey(t.Context(), org, nobody, 0)
	wantCode(t, err, schema.NotFound)
	_, err = w.RotateAPIKey(t.Context(), org, "nonsense", 0)
	wantCode(t, err, schema.Invalid)
	w.works(key, true)
	must(t, w.RevokeAPIKey(t.Context(), org, id))
	_, err = w.RotateAPIKey(t.Context(), org, id, time.Hour)
	wantCode(t, err, schema.Conflict)
	w.works(key, false)
	if keys, err := w.APIKeys(t.Context(), org); err != nil || len(keys) != 1 {
		t.Errorf("%+v, %v", keys, err)
	}
}

// Of many who rotate a key at once one gets its successor.
func TestAKeyThatManyRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, id := w.key("", "operator")
	results := make(chan error, 5)
	var people sync.WaitGroup
	for range cap(results) {
		people.Go(func() {
			_, err := w.RotateAPIKey(t.Context(), "", id, time.Hour)
			results <- err
		})
	}
	people.Wait()
	close(results)
	codes := map[schema.Code]int{}
	for err := range results {
		codes[schema.CodeOf(err)]++
	}
	if codes[""] != 1 || codes[schema.Conflict] != 4 {
		t.Errorf("outcomes %v", codes)
	}
}

// Nobody sees or changes another's keys: not a neighbour, not an operator's by
// way of an organization, and the other way round.
func TestKeysOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owners := []string{w.account.OrganizationID, w.neighbour("+15550002222").OrganizationID, ""}
	keys, ids := map[string]string{}, map[string]string{}
	for _, owner := range owners {
		keys[owner], ids[owner] = w.key(owner, "key of "+owner, "admin")
	}
	w.wantLog("what others try", func() {
		for _, owner := range owners {
			for _, other := range owners {
				if other == owner {
					continue
				}
				_, err := w.RotateAPIKey(t.Context(), other, ids[owner], 0)
				wantCode(t, err, schema.NotFound)
				wantCode(t, w.RevokeAPIKey(t.Context(), other, ids[owner]), schema.NotFound)
			}
			w.works(keys[owner], true)
			list, err := w.APIKeys(t.Context(), owner)
			must(t, err)
			if len(list) != 1 || list[0].ID != ids[owner] || list[0].OrganizationID != owner {
				t.Errorf("%q sees %+v", owner, list)
			}
		}
	})
	if list, err := w.APIKeys(t.Context(), nobody); list == nil || len(list) != 0 || err != nil {
		t.Errorf("nobody sees %v, %v", list, err)
	}
}
