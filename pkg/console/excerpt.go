package console

import (
	"slices"
	"strings"
	"unicode"
)

// run is a stretch of text, and whether it is one that was searched for.
type run struct {
	Text string
	Hit  bool
}

// excerpt is the part of a text that matters.
type excerpt []run

// around is how much of a text an excerpt has, in bytes before and behind its
// first hit.
const (
	before = 60
	behind = 120
)

// excerptOf returns the part of text around the first word of the search, with
// all hits marked, or its beginning where nothing is found.
func excerptOf(text, search string) excerpt {
	if text == "" {
		return nil
	}
	wanted := terms(search)
	first := -1
	words(text, func(from, to int) bool {
		if wanted.has(text[from:to]) {
			first = from
		}
		return first < 0
	})
	start, end := 0, len(text)
	if first > before {
		start = border(text, first-before)
	}
	if end > max(first, 0)+behind {
		end = border(text, max(first, 0)+behind)
	}
	part := marked(text[start:end], wanted)
	if start > 0 {
		part = append(excerpt{{Text: "… "}}, part...)
	}
	if end < len(text) {
		part = append(part, run{Text: " …"})
	}
	return part
}

// highlight returns the whole text with what was searched for marked.
func highlight(text, search string) excerpt { return marked(text, terms(search)) }

// marked cuts text where hits begin and end.
func marked(text string, wanted wordlist) (runs excerpt) {
	done := 0
	words(text, func(from, to int) bool {
		if wanted.has(text[from:to]) {
			if from > done {
				runs = append(runs, run{Text: text[done:from]})
			}
			runs = append(runs, run{Text: text[from:to], Hit: true})
			done = to
		}
		return true
	})
	if done < len(text) {
		runs = append(runs, run{Text: text[done:]})
	}
	return runs
}

// wordlist is words in lower case.
type wordlist []string

func (l wordlist) has(word string) bool {
	return len(l) > 0 && slices.Contains(l, strings.ToLower(word))
}

// terms returns the words that a search asks for; those behind a minus it wants
// not to be there, and or is none.
func terms(search string) (list wordlist) {
	for field := range strings.FieldsSeq(search) {
		if strings.HasPrefix(field, "-") || strings.EqualFold(field, "or") {
			continue
		}
		words(field, func(from, to int) bool {
			list = append(list, strings.ToLower(field[from:to]))
			return true
		})
	}
	return list
}

// words calls fn with where each word of text is, until it returns false.
func words(text string, fn func(from, to int) bool) {
	from := -1
	for i, r := range text {
		switch inside := unicode.IsLetter(r) || unicode.IsDigit(r); {
		case inside && from < 0:
			from = i
		case !inside && from >= 0:
			if !fn(from, i) {
				return
			}
			from = -1
		}
	}
	if from >= 0 {
		fn(from, len(text))
	}
}

// border returns the end of the word that at is in.
func border(text string, at int) int {
	if i := strings.IndexFunc(text[at:], unicode.IsSpace); i >= 0 {
		return at + i
	}
	return len(text)
}
