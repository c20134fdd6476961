package scan

import (
	"errors"
	"strings"
)

// maxDepth is how deep values may lie in each other, as for encoding/json.
const maxDepth = 10_000

var errDepth = errors.New("values lie too deep in each other")

// skip returns where the value that begins at at ends; depth is how many
// compounds it lies in.
func skip(text string, at, depth int) (int, error) {
	if at >= len(text) {
		return 0, errEnd
	}
	switch c := text[at]; {
	case c == '"':
		return skipString(text, at)
	case c == '{' || c == '[':
		return skipCompound(text, at, depth+1)
	case c == '-' || digit(c):
		return skipNumber(text, at)
	case c == 't':
		return skipWord(text, at, "true")
	case c == 'f':
		return skipWord(text, at, "false")
	case c == 'n':
		return skipWord(text, at, "null")
	}
	return 0, unexpected(text, at, "instead of a value")
}

// skipCompound skips an object or array.
func skipCompound(text string, at, depth int) (int, error) {
	if depth > maxDepth {
		return 0, errDepth
	}
	object, bracket := text[at] == '{', text[at]+2 // in ASCII each bracket closes two behind where it opens
	at = space(text, at+1)
	if at < len(text) && text[at] == bracket {
		return at + 1, nil
	}
	for {
		var err error
		if object {
			if at, err = skipString(text, at); err != nil {
				return 0, err
			}
			if at, err = colon(text, at); err != nil {
				return 0, err
			}
		}
		if at, err = skip(text, at, depth); err != nil {
			return 0, err
		}
		next, more, err := separator(text, at, bracket)
		if err != nil || !more {
			return next, err
		}
		at = next
	}
}

// plain are the bytes that stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// skipString skips a string with its quotes.
func skipString(text string, at int) (int, error) {
	if at >= len(text) {
		return 0, errEnd
	}
	if text[at] != '"' {
		return 0, unexpected(text, at, "instead of a string")
	}
	for at++; ; at++ {
		for at < len(text) && plain[text[at]] {
			at++
		}
		switch {
		case at >= len(text):
			return 0, errEnd
		case text[at] == '"':
			return at + 1, nil
		case text[at] != '\\':
			return 0, unexpected(text, at, "in a string")
		}
		var err error
		if at, err = skipEscape(text, at+1); err != nil {
			return 0, err
		}
	}
}

// skipEscape returns the last byte of the escape whose first, behind the
// backslash, is at at.
func skipEscape(text string, at int) (int, error) {
	switch {
	case at >= len(text):
		return 0, errEnd
	case strings.IndexByte(`"\/bfnrt`, text[at]) >= 0:
		return at, nil
	case text[at] != 'u':
		return 0, unexpected(text, at, "in an escape")
	}
	for range 4 {
		if at++; at >= len(text) {
			return 0, errEnd
		}
		if c := text[at] | 0x20; !digit(text[at]) && (c < 'a' || c > 'f') {
			return 0, unexpected(text, at, "in an escape")
		}
	}
	return at, nil
}

// skipNumber skips a number: no plus sign, no leading zero, digits on both
// sides of the point and behind the exponent.
func skipNumber(text string, at int) (int, error) {
	if text[at] == '-' {
		at++
	}
	start := at
	at, err := skipDigits(text, at)
	switch {
	case err != nil:
		return 0, err
	case text[start] == '0' && at > start+1:
		return 0, unexpected(text, start+1, "after a leading zero")
	}
	if at < len(text) && text[at] == '.' {
		if at, err = skipDigits(text, at+1); err != nil {
			return 0, err
		}
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		if at++; at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		return skipDigits(text, at)
	}
	return at, nil
}

// skipDigits skips digits, of which there is one at least.
func skipDigits(text string, at int) (int, error) {
	if at >= len(text) {
		return 0, errEnd
	}
	if !digit(text[at]) {
		return 0, unexpected(text, at, "instead of a digit")
	}
	for at < len(text) && digit(text[at]) {
		at++
	}
	return at, nil
}

func skipWord(text string, at int, word string) (int, error) {
	if !strings.HasPrefix(text[at:], word) {
		return 0, unexpected(text, at, "instead of "+word)
	}
	return at + len(word), nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
