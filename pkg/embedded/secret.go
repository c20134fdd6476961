package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// secret returns the secret that the file at path holds, and makes a random
// one of 26 letters and digits on first use.
func secret(path string) (string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // below the data folder
	if err == nil && len(strings.TrimSpace(string(text))) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read secret: %w", err)
	}
	made := rand.Text()
	if err := writeFileSync(path, []byte(made+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write secret: %w", err)
	}
	return made, nil
}

// writeFileSync replaces the file at path so that a crash leaves the old
// content or the new, never a part: written apart, synced, renamed, and the
// name synced too.
func writeFileSync(path string, data []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // finds nothing once renamed
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(mode), file.Sync()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	file, err := os.Open(dir) //nolint:gosec // below the data folder
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}

// orDiscard lets a caller leave the logger out.
func orDiscard(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return logger
}
