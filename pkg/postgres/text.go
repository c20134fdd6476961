package postgres

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// storable is s without what Postgres cannot keep in a text: NUL, which JSON
// may carry, and bytes that are no UTF-8.
func storable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// encode makes rows the one parameter of a statement, which reads them with
// jsonb_to_recordset.
func encode[T any](what string, rows []T) (string, error) {
	if rows == nil {
		rows = []T{}
	}
	input, err := json.Marshal(rows)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", what, err)
	}
	return string(input), nil
}

// rounds splits rows, sorted by key, so that no round has a key twice: one
// statement must not touch a row twice. Nearly always there is one round.
func rounds[T any](rows []T, key func(T) string) (split [][]T) {
	n := 0
	for i, row := range rows {
		n++
		if i == 0 || key(rows[i-1]) != key(row) {
			n = 0
		}
		if n == len(split) {
			split = append(split, nil)
		}
		split[n] = append(split[n], row)
	}
	return split
}

// known is v for the database: NULL for a zero value, which means unknown.
func known[T comparable](v T) *T {
	var unknown T
	if v == unknown {
		return nil
	}
	return &v
}

// value is what a nullable column holds, the zero value for NULL.
func value[T any](v *T) (held T) {
	if v != nil {
		held = *v
	}
	return held
}

// utc is a nullable time in UTC; the driver gives the session's zone.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
