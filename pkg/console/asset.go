package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

// assetPath is where static files are served.
const assetPath = "/static/"

// assets are the static files. Each is served under a name that its content is
// part of, so that browsers keep it for good and still see every change.
type assets struct {
	files map[string]asset         // by address
	names map[string]string        // addresses, by file name below static
	icons map[string]template.HTML // by name
}

type asset struct {
	content     []byte
	contentType string
	tag         string
}

// loadAssets reads what is embedded.
func loadAssets() (assets, error) {
	a := assets{files: map[string]asset{}, names: map[string]string{}, icons: map[string]template.HTML{}}
	err := fs.WalkDir(static, "static", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := static.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		name := strings.TrimPrefix(file, "static/")
		if icon, ok := strings.CutPrefix(name, "icons/"); ok && path.Ext(icon) == ".svg" {
			a.icons[strings.TrimSuffix(icon, ".svg")], err = inlined(content)
			return err
		}
		a.add(name, content)
		return nil
	})
	return a, err
}

func (a assets) add(name string, content []byte) {
	ext := path.Ext(name)
	hash := sha256.Sum256(content)
	tag := hex.EncodeToString(hash[:8])
	address := assetPath + strings.TrimSuffix(name, ext) + "." + tag + ext
	a.names[name] = address
	a.files[address] = asset{content, mime.TypeByExtension(ext), `"` + tag + `"`}
}

// address returns where the file is served.
func (a assets) address(name string) (string, error) {
	if address, ok := a.names[name]; ok {
		return address, nil
	}
	return "", fmt.Errorf("there is no static file %q", name)
}

// icon returns a picture that says nothing to who does not see it: words stand
// beside it, or in the label of what it is in.
func (a assets) icon(name string) (template.HTML, error) {
	if icon, ok := a.icons[name]; ok {
		return icon, nil
	}
	return "", fmt.Errorf("there is no icon %q", name)
}

// inlined returns the drawing of a file as it goes into a page.
func inlined(svg []byte) (template.HTML, error) {
	_, rest, _ := bytes.Cut(svg, []byte("<svg"))
	_, rest, _ = bytes.Cut(rest, []byte(">"))
	drawing, _, ok := bytes.Cut(rest, []byte("</svg>"))
	if !ok {
		return "", fmt.Errorf("an icon is not an SVG")
	}
	drawing = bytes.Join(bytes.Fields(drawing), []byte(" "))
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + string(drawing) + `</svg>`), nil //nolint:gosec // our own file
}

// ServeHTTP serves a file under its present name, to be kept for a year.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("ETag", file.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.content))
}
