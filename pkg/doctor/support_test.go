package doctor_test

import (
	"context"
	"strings"
	"testing"
	"unicode"

	"github.com/loquent/callstream/pkg/doctor"
	"github.com/loquent/callstream/schema"
)

// system returns what a doctor of config finds in the installation.
func system(t *testing.T, config doctor.Config) []schema.Finding {
	t.Helper()
	var found []schema.Finding
	doctor.New(config).System(t.Context(), func(f schema.Finding) { found = append(found, f) })
	readable(t, found)
	return found
}

// about returns the finding of a check.
func about(t *testing.T, found []schema.Finding, check string) schema.Finding {
	t.Helper()
	for _, f := range found {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("nothing is said of %s: %+v", check, found)
	return schema.Finding{}
}

// said reports whether anything is said of a check.
func said(found []schema.Finding, check string) bool {
	for _, f := range found {
		if f.Check == check {
			return true
		}
	}
	return false
}

// expect checks a finding's severity, and that each of words is in what it says.
func expect(t *testing.T, f schema.Finding, severity schema.Severity, words ...string) {
	t.Helper()
	if f.Severity != severity {
		t.Errorf("%s is %s, want %s: %s %s", f.Check, f.Severity, severity, f.Detail, f.Advice)
	}
	for _, word := range words {
		if !strings.Contains(f.Detail+" "+f.Advice, word) {
			t.Errorf("%s does not say %q: %s %s", f.Check, word, f.Detail, f.Advice)
		}
	}
}

// readable holds what is true of every finding: it is in sentences, says what
// to do exactly when something is wrong, and took some time.
func readable(t *testing.T, found []schema.Finding) {
	t.Helper()
	for _, f := range found {
		for _, text := range []string{f.Detail, f.Advice} {
			if text == "" {
				continue
			}
			if first := []rune(text)[0]; unicode.IsLetter(first) && !unicode.IsUpper(first) {
				t.Errorf("%s does not begin as a sentence: %q", f.Check, text)
			}
			if !strings.HasSuffix(text, ".") || strings.HasSuffix(text, "..") || strings.Contains(text, "%!") {
				t.Errorf("%s does not end as a sentence: %q", f.Check, text)
			}
		}
		if f.Detail == "" || (f.Severity == schema.SeverityOK) != (f.Advice == "") {
			t.Errorf("%s is %s, says %q and advises %q", f.Check, f.Severity, f.Detail, f.Advice)
		}
	}
}

// database is one whose answers a test sets; nil is a good one.
type database struct {
	ping    func(ctx context.Context) error
	missing func() ([]string, error)
}

func (d database) Ping(ctx context.Context) error {
	if d.ping == nil {
		return nil
	}
	return d.ping(ctx)
}

func (d database) MissingMigrations(context.Context) ([]string, error) {
	if d.missing == nil {
		return nil, nil
	}
	return d.missing()
}
