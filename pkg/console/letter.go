package console

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// letter is what the page about one dead letter shows.
type letter struct {
	schema.LetterHistory
	Text    string `json:"text"` // the original bytes, where they are text
	Problem *problem
}

// letter shows everything that is known of a dead letter.
func (c *console) letter(v *visit) error { return v.letter(nil) }

func (v *visit) letter(wrong *problem) error {
	shown := letter{Problem: wrong}
	if err := v.everywhere().get(v.r.Context(), v.letterPath(), nil, &shown); err != nil {
		return err
	}
	return v.render(wrong.status(), "letter", "Dead letter "+v.r.PathValue("id"), shown)
}

func (v *visit) letterPath() string { return "/api/deadletters/" + v.r.PathValue("id") }

// retryLetter has the letter tried again.
func (c *console) retryLetter(v *visit) error {
	err := v.everywhere().do(v.r.Context(), http.MethodPost, v.letterPath()+"/retry", nil, nil)
	if p := refused(err); p != nil {
		return v.letter(p)
	}
	if err != nil {
		return err
	}
	v.notice("It is being tried again. This page tells what comes of it.")
	return v.redirect("/dead-letters/" + v.r.PathValue("id"))
}

// removeLetter settles that the letter needs no work.
func (c *console) removeLetter(v *visit) error {
	reason := v.typed("reason")
	if reason == "" {
		return v.letter(amiss("Say why it needs no work: the reason stays on record."))
	}
	err := v.everywhere().do(v.r.Context(), http.MethodDelete, v.letterPath(), map[string]any{"reason": reason}, nil)
	if p := refused(err); p != nil {
		return v.letter(p)
	}
	if err != nil {
		return err
	}
	v.notice("Removed from the list. It stays on record with your reason.")
	return v.redirect("/dead-letters/" + v.r.PathValue("id"))
}

// Chain returns the error's parts, from what was attempted to what went wrong.
func (l letter) Chain() []string { return strings.Split(l.Error, ": ") }

// Waits reports whether the letter's state changes by itself.
func (l letter) Waits() bool { return l.Status.State == schema.LetterRetrying }

// Over reports whether nothing is left to do with it.
func (l letter) Over() bool {
	return l.Status.State == schema.LetterResolved || l.Status.State == schema.LetterFailedAgain
}

// Headers returns the original headers by name.
func (l letter) Headers() []change {
	var list []change
	for _, name := range slices.Sorted(maps.Keys(l.Header)) {
		list = append(list, change{Name: name, To: strings.Join(l.Header[name], ", ")})
	}
	return list
}

// longestDump is how many bytes of what is no text are shown.
const longestDump = 4 << 10

// Body returns the original bytes as people can read them: JSON with line
// breaks, other text as it is, the rest as a hex dump.
func (l letter) Body() string {
	var indented bytes.Buffer
	switch {
	case l.Text != "" && json.Indent(&indented, []byte(l.Text), "", "  ") == nil:
		return indented.String()
	case l.Text != "":
		return l.Text
	}
	return hex.Dump(l.Data[:min(len(l.Data), longestDump)])
}

// Size returns how many bytes there are.
func (l letter) Size() int64 { return int64(len(l.Text) + len(l.Data)) }
