package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// source parses every file that becomes part of the binary, but for the doubles
// and measurements that are in it, by its path.
func source(t *testing.T) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	files, set := map[string]*ast.File{}, token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasSuffix(path, "test") || strings.HasPrefix(path, "pkg/simulator") || strings.HasPrefix(path, "pkg/bench") || strings.HasPrefix(path, "pkg/crash") ||
			path == "pkg/twilio/twiliospec" || path == ".git" || path == "deploy"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files[path], err = parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		return err
	})
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return set, files
}

// secret are names of what nobody may find out by how long a comparison takes.
var secret = regexp.MustCompile(`(?i)(token|secret|signature|password|digest|hmac|\bmac|apikey|sealed|hash)s?$`)

// named is the name by which an expression is known.
func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.CallExpr:
		if len(e.Args) == 1 { // a conversion
			return named(e.Args[0])
		}
		return named(e.Fun)
	case *ast.StarExpr:
		return named(e.X)
	case *ast.SliceExpr:
		return named(e.X)
	case *ast.ParenExpr:
		return named(e.X)
	}
	return ""
}

// identifiers are comparisons of what looks like a secret and is none.
var identifiers = map[string]bool{
	"pkg/secrets/secrets.go: sealed, id": true, // the id of the key that sealed a value
}

// Secrets are compared by hmac.Equal, in a time that tells nothing, or looked up
// by their hash. What compares one with == or bytes.Equal, other than with what
// is known to everybody, fails here.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	set, files := source(t)
	constant := func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.BasicLit:
			return true
		case *ast.Ident:
			return e.Name == "nil"
		case *ast.SelectorExpr:
			return e.Sel.Name == "Size"
		}
		return false
	}
	equal := map[string]bool{"Equal": true, "EqualFold": true, "Compare": true, "Contains": true, "HasPrefix": true, "Index": true}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		ast.Inspect(files[path], func(n ast.Node) bool {
			var sides []ast.Expr
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					sides = []ast.Expr{n.X, n.Y}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && equal[f.Sel.Name] && len(n.Args) == 2 && named(f.X) != "hmac" && named(f.X) != "subtle" {
					sides = n.Args
				}
			}
			if len(sides) == 2 && !constant(sides[0]) && !constant(sides[1]) && (secret.MatchString(named(sides[0])) || secret.MatchString(named(sides[1]))) {
				at, what := set.Position(n.Pos()), named(sides[0])+", "+named(sides[1])
				if !identifiers[path+": "+what] {
					t.Errorf("%s:%d compares %s", at.Filename, at.Line, what)
				}
			}
			return true
		})
	}
}

// outward are the files that open connections by themselves, and to where.
var outward = map[string]string{
	"pkg/cli/ready.go":           "the role on this machine",
	"pkg/doctor/public.go":       "PUBLIC_BASE_URL, no redirect followed",
	"pkg/postgres/connection.go": "DATABASE_URL",
	"pkg/twilio/client.go":       "Twilio's hosts, as configured",
	"pkg/twilio/media.go":        "Twilio's hosts, with credentials; elsewhere only over HTTPS, where Twilio redirects to, without",
	"pkg/twilio/media_public.go": "Twilio's hosts, without credentials",
	"pkg/twilio/transport.go":    "Twilio's hosts, as configured",
	"pkg/whisper/client.go":      "OPENAI_BASE_URL, no redirect followed",
	"pkg/whisper/transport.go":   "OPENAI_BASE_URL, no redirect followed",
}

// Requests leave from few places, each to an address that an operator
// configured; none to one that was read from an event, a callback or the API.
// A new place has to be thought about.
func TestWhoSendsRequests(t *testing.T) {
	t.Parallel()
	_, files := source(t)
	sends := map[string]bool{
		"http.Get": true, "http.Post": true, "http.Head": true, "http.PostForm": true, "http.Client": true, "http.DefaultClient": true,
		"http.DefaultTransport": true, "net.Dial": true, "net.DialTimeout": true, "net.Dialer": true, "tls.Dial": true, "tls.Dialer": true,
	}
	found := map[string]string{}
	for path, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && (sends[named(s.X)+"."+s.Sel.Name] || s.Sel.Name == "RoundTrip") {
				found[path] = outward[path]
			}
			return true
		})
	}
	if diff := cmp.Diff(outward, found); diff != "" {
		t.Errorf("who sends requests, and where to:\n%s", diff)
	}
}

// Every test that the documents call as a witness is there.
func TestWitnessesExist(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	defined, called := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)`), regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range defined.FindAllStringSubmatch(string(text), -1) {
			tests[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{"SECURITY.md", "deploy/RELIABILITY.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range called.FindAllStringSubmatch(string(text), -1) {
			if !tests[found[1]] {
				t.Errorf("%s calls %s, which there is not", document, found[1])
			}
		}
	}
}
