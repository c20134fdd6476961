package scan

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// String returns the string that a JSON value is, with bytes that are no UTF-8
// replaced by U+FFFD; false for a value of another kind.
func String(value string) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	inside := value[1 : len(value)-1]
	if strings.IndexByte(inside, '\\') < 0 && utf8.ValidString(inside) {
		return inside, true
	}
	var s string
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		return "", false
	}
	return s, true
}
