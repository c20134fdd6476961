package console

import (
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"
)

// sealer encrypts what a cookie holds. aad says what for, and is needed again
// to open it.
type sealer interface {
	Seal(plaintext, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
}

// Config is what the console works on.
type Config struct {
	API    http.Handler // everything under /api/
	Sealer sealer       // seals sessions; the same in all consoles
	Secure bool         // people reach the console by https alone
	Logger *slog.Logger
	Clock  func() time.Time // nil: time.Now
}

// console holds the configuration for the pages, which are its methods.
type console struct {
	Config
	assets assets
	pages  map[string]*template.Template // by name
}

// New returns the handler for every path but /api/. An error means that what is
// embedded in this program is broken.
func New(c Config) (http.Handler, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	files, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("load static files: %w", err)
	}
	h := &console{Config: c, assets: files}
	if h.pages, err = loadPages(files); err != nil {
		return nil, fmt.Errorf("load pages: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+assetPath, files)
	for _, r := range h.routes() {
		mux.HandleFunc(r.pattern, h.handle(r))
	}
	return secured(http.NewCrossOriginProtection().Handler(mux)), nil
}

// handle returns what serves the route: it finds out who visits, lets in who
// may, and shows what went wrong.
func (c *console) handle(r route) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // pages are one organization's
		w.Header().Add("Vary", "HX-Request")
		v := &visit{console: c, w: w, r: req}
		if err := v.serve(r); err != nil {
			v.fail(err)
		}
	}
}
