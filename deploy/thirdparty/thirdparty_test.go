package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// THIRD_PARTY.md is what it would be if it were made now, and every licence in
// it goes with Apache-2.0.
func TestTheListIsCurrent(t *testing.T) {
	t.Chdir("../..")
	var now bytes.Buffer
	if err := run(t.Context(), &now, false, ""); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), now.String()); diff != "" {
		t.Errorf("make it again with: go run ./deploy/thirdparty > THIRD_PARTY.md\n%s", diff)
	}
}

// Every dependency that go.mod asks for by itself is justified.
func TestEveryDependencyIsJustified(t *testing.T) {
	t.Chdir("../..")
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("deploy/RELIABILITY.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect && !strings.Contains(string(text), "`"+r.Path+"`") {
			t.Errorf("deploy/RELIABILITY.md, Supply chain, does not say why there is %s", r.Path)
		}
	}
}

// The bill of materials of a binary names all that is linked into it, with
// versions and licences.
func TestTheBillOfMaterials(t *testing.T) {
	t.Chdir("../..")
	binary := filepath.Join(t.TempDir(), "thirdparty")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./deploy/thirdparty").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := billOf(binary, map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	own := b.Metadata.Component
	if own.Name != "github.com/loquent/callstream" || len(own.Hashes) != 1 || len(b.Components) == 0 || len(b.Dependencies[0].Uses) != len(b.Components) {
		t.Errorf("bill %+v", b)
	}
	if std := b.Components[len(b.Components)-1]; std.Name != "std" || !strings.HasPrefix(std.Version, "go1.") || std.Licences[0].Expression != "BSD-3-Clause" {
		t.Errorf("the standard library: %+v", std)
	}
}

func TestIdentify(t *testing.T) {
	const bsd = "Redistribution and use in source and\n  binary forms, with or without modification"
	for text, want := range map[string]string{
		bsd:                                    "BSD-2-Clause",
		bsd + " ... Neither the name of":       "BSD-3-Clause",
		"GNU GENERAL PUBLIC LICENSE Version 3": "",
		"Apache License\n Version 2.0 ... " + bsd + " neither the name": "Apache-2.0 BSD-3-Clause",
	} {
		if got := strings.Join(identify(text), " "); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	nobody := module{Path: "example.com/m", dir: t.TempDir()}
	if _, err := nobody.licence(); err == nil {
		t.Error("a module without a licence passes")
	}
	if err := os.WriteFile(filepath.Join(nobody.dir, "LICENSE"), []byte("All rights reserved."), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := nobody.licence(); err == nil || !strings.Contains(err.Error(), "example.com/m") {
		t.Errorf("a licence that nobody knows: %v", err)
	}
}
