package embedded

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// programs is a folder with the server's programs, initdb and postgres.
type programs string

func (p programs) path(name string) string { return filepath.Join(string(p), name) }

// complete reports whether both programs are there.
func (p programs) complete() bool {
	return p != "" && executable(p.path("initdb")) && executable(p.path("postgres"))
}

// version asks for the major version, such as "15".
func (p programs) version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, p.path("postgres"), "--version").Output() //nolint:gosec // what this start would run anyway
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", p.path("postgres"), err)
	}
	_, version, _ := strings.Cut(string(out), "(PostgreSQL) ")
	major := digits.FindString(version)
	if major == "" {
		return "", fmt.Errorf("%s tells no version: %q", p.path("postgres"), out)
	}
	return major, nil
}

// findPrograms returns the first folder of programs on this machine that can
// serve a cluster of the given major version; an empty version is content
// with any. It fetches them when there are none.
func findPrograms(ctx context.Context, version string, logger *slog.Logger) (programs, error) {
	var others []string
	for _, candidate := range installed(ctx) {
		if !candidate.complete() {
			continue
		}
		if version == "" {
			return candidate, nil
		}
		found, err := candidate.version(ctx)
		if err != nil {
			continue
		}
		if found == version {
			return candidate, nil
		}
		others = append(others, found)
	}
	if version != "" && len(others) > 0 {
		return "", noPrograms(fmt.Sprintf("the data folder is of PostgreSQL %s, this machine has %s", version, strings.Join(others, ", ")))
	}
	return fetchPrograms(ctx, logger)
}

// installed lists the folders to look in, in the order of preference: what
// the machine names itself, where distributions put it (Debian keeps it off
// PATH), PATH, and what an earlier start fetched.
func installed(ctx context.Context) []programs {
	var found []programs
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		found = append(found, programs(strings.TrimSpace(string(out))))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
		"/usr/pgsql-*/bin",                  // the project's own rpm packages
		"/usr/libexec/postgresql*",          // Alpine
		"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found = append(found, newestFirst(pattern)...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		found = append(found, programs(filepath.Dir(path)))
	}
	if cache, err := programsCache(); err == nil {
		found = append(found, programs(filepath.Join(cache, "native", "bin")))
	}
	return found
}

// newestFirst lists the folders of a pattern by the number that its star
// stands for.
func newestFirst(pattern string) []programs {
	constant, _, _ := strings.Cut(pattern, "*")
	number := func(path string) int {
		n, _ := strconv.Atoi(digits.FindString(strings.TrimPrefix(path, constant)))
		return n
	}
	paths, _ := filepath.Glob(pattern) // fails for a bad pattern only
	slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(number(b), number(a)) })
	found := make([]programs, len(paths))
	for i, path := range paths {
		found[i] = programs(path)
	}
	return found
}

var digits = regexp.MustCompile(`[0-9]+`)

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
