package scan

import (
	"errors"
	"fmt"
)

// errEnd says that a text ends before its value does.
var errEnd = errors.New("unexpected end of JSON")

// Valid reports whether text is one JSON value, with white space around it.
func Valid(text string) bool {
	_, err := Value(text)
	return err == nil
}

// Value returns the one JSON value that text is, without the white space around
// it.
func Value(text string) (string, error) {
	start := space(text, 0)
	end, err := skip(text, start, 0)
	if err != nil {
		return "", err
	}
	if rest := space(text, end); rest < len(text) {
		return "", unexpected(text, rest, "after the value")
	}
	return text[start:end], nil
}

// Object calls fn for each member of the object that text is, with its name and
// its value as JSON. It ends with the first error, fn's or its own; then fn has
// seen what came before.
func Object(text string, fn func(name, value string) error) error {
	at, err := open(text, '{')
	if err != nil {
		return err
	}
	if at < len(text) && text[at] == '}' {
		return closed(text, at+1)
	}
	for {
		nameEnd, err := skipString(text, at)
		if err != nil {
			return err
		}
		name, _ := String(text[at:nameEnd]) // it is a string
		if at, err = colon(text, nameEnd); err != nil {
			return err
		}
		end, err := skip(text, at, 1)
		if err != nil {
			return err
		}
		if err := fn(name, text[at:end]); err != nil {
			return err
		}
		next, more, err := separator(text, end, '}')
		if err != nil {
			return err
		}
		if !more {
			return closed(text, next)
		}
		at = next
	}
}

// Array calls fn for each element of the array that text is, under the same
// rules as [Object].
func Array(text string, fn func(value string) error) error {
	at, err := open(text, '[')
	if err != nil {
		return err
	}
	if at < len(text) && text[at] == ']' {
		return closed(text, at+1)
	}
	for {
		end, err := skip(text, at, 1)
		if err != nil {
			return err
		}
		if err := fn(text[at:end]); err != nil {
			return err
		}
		next, more, err := separator(text, end, ']')
		if err != nil {
			return err
		}
		if !more {
			return closed(text, next)
		}
		at = next
	}
}

// open returns where the first part of a compound begins.
func open(text string, bracket byte) (int, error) {
	at := space(text, 0)
	if at >= len(text) {
		return 0, errEnd
	}
	if text[at] != bracket {
		return 0, unexpected(text, at, fmt.Sprintf("instead of %q", bracket))
	}
	return space(text, at+1), nil
}

// closed checks that only white space follows.
func closed(text string, at int) error {
	if at = space(text, at); at < len(text) {
		return unexpected(text, at, "after the value")
	}
	return nil
}

// separator reads what stands behind a part: a comma, and then where the next
// part begins, or the bracket, and then what follows it.
func separator(text string, at int, bracket byte) (next int, more bool, err error) {
	at = space(text, at)
	switch {
	case at >= len(text):
		return 0, false, errEnd
	case text[at] == ',':
		return space(text, at+1), true, nil
	case text[at] == bracket:
		return at + 1, false, nil
	}
	return 0, false, unexpected(text, at, "after a part")
}

// colon returns where the value behind a name begins.
func colon(text string, at int) (int, error) {
	at = space(text, at)
	switch {
	case at >= len(text):
		return 0, errEnd
	case text[at] != ':':
		return 0, unexpected(text, at, "after a name")
	}
	return space(text, at+1), nil
}

// space returns where the white space at at ends.
func space(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}

func unexpected(text string, at int, where string) error {
	return fmt.Errorf("unexpected %q %s at byte %d", text[at], where, at)
}
