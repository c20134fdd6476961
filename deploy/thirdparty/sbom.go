package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"os"
	"runtime/debug"
)

// bom is a bill of materials, as CycloneDX 1.6 has it.
type bom struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	PURL     string    `json:"purl,omitempty"`
	Hashes   []hash    `json:"hashes,omitempty"`
	Licences []licence `json:"licenses,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Expression string `json:"expression"`
}

type dependency struct {
	Ref  string   `json:"ref"`
	Uses []string `json:"dependsOn"`
}

// billOf reads from the binary itself what it was built of; licences names the
// licences of modules by path.
func billOf(binary string, licences map[string]string) (bom, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return bom{}, fmt.Errorf("read %s: %w", binary, err)
	}
	content, err := os.ReadFile(binary) //nolint:gosec // the operator names the file
	if err != nil {
		return bom{}, fmt.Errorf("read %s: %w", binary, err)
	}
	sum := sha256.Sum256(content)
	own := componentOf(&info.Main, "application", "Apache-2.0")
	own.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum[:])}}
	b := bom{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{own}}
	uses := dependency{Ref: own.Ref}
	for _, m := range append(info.Deps, &debug.Module{Path: "std", Version: info.GoVersion}) {
		expression := licences[m.Path]
		if m.Path == "std" {
			expression = "BSD-3-Clause"
		}
		c := componentOf(m, "library", expression)
		b.Components, uses.Uses = append(b.Components, c), append(uses.Uses, c.Ref)
	}
	b.Dependencies = []dependency{uses}
	return b, nil
}

// componentOf is a module as a component.
func componentOf(m *debug.Module, kind, expression string) component {
	if m.Replace != nil {
		m = m.Replace
	}
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: kind, Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	if expression != "" {
		c.Licences = []licence{{expression}}
	}
	return c
}
