package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is one that is linked into callstream, or a library of the console's
// pages.
type module struct {
	Path, Version string
	dir           string // where its source lies
	licenceFile   string // empty: by their names
}

// systems are those that callstream is built for.
var systems = []string{"linux", "darwin"}

// modules lists what the package in dir links on any system, by path.
func modules(ctx context.Context, dir string) ([]module, error) {
	found := map[string]module{}
	for _, system := range systems {
		list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}", ".")
		list.Dir, list.Stderr = dir, os.Stderr
		list.Env = append(os.Environ(), "GOOS="+system)
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		for line := range bytes.Lines(out) {
			field := strings.Split(strings.TrimSpace(string(line)), "\t")
			if len(field) == 3 && field[1] != "" { // callstream's own has no version
				found[field[0]] = module{Path: field[0], Version: field[1], dir: field[2]}
			}
		}
	}
	sorted := make([]module, 0, len(found))
	for _, m := range found {
		sorted = append(sorted, m)
	}
	slices.SortFunc(sorted, func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	return sorted, nil
}

// pageLibraries lists what the console's pages have of others: files called
// NAME-LICENSE lie beside theirs.
func pageLibraries(dir string) ([]module, error) {
	dir = filepath.Join(dir, "pkg", "console", "static", "vendor")
	files, err := filepath.Glob(filepath.Join(dir, "*-LICENSE"))
	if err != nil {
		return nil, fmt.Errorf("look for the console's libraries: %w", err)
	}
	var list []module
	for _, file := range files {
		name := filepath.Base(file)
		list = append(list, module{Path: strings.TrimSuffix(name, "-LICENSE") + ", in the console's pages", dir: dir, licenceFile: name})
	}
	return list, nil
}

// texts returns the module's licence files.
func (m module) texts() ([]string, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", m.Path, err)
	}
	var texts []string
	for _, e := range entries {
		if e.IsDir() || !m.isLicence(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.dir, e.Name())) //nolint:gosec // in the module cache
		if err != nil {
			return nil, fmt.Errorf("read the licence of %s: %w", m.Path, err)
		}
		texts = append(texts, string(text))
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s has no licence", m.Path)
	}
	return texts, nil
}

// isLicence reports whether a file of the module's is a licence, by its name.
func (m module) isLicence(name string) bool {
	if m.licenceFile != "" {
		return name == m.licenceFile
	}
	name = strings.ToUpper(name)
	return strings.HasPrefix(name, "LICEN") || strings.HasPrefix(name, "COPYING") || strings.HasPrefix(name, "UNLICENSE")
}

// licence returns the module's licences by their SPDX names. The error says
// what is not recognized.
func (m module) licence() (string, error) {
	texts, err := m.texts()
	if err != nil {
		return "", err
	}
	var names []string
	var errs []error
	for _, text := range texts {
		found := identify(text)
		if len(found) == 0 {
			errs = append(errs, fmt.Errorf("a licence of %s is none that is known to go with Apache-2.0; look at it, and at deploy/thirdparty/licence.go", m.Path))
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " AND "), errors.Join(errs...)
}
