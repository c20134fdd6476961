package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"

	"github.com/loquent/callstream/schema"
)

//go:embed templates
var templates embed.FS

// page is the dot of every template.
type page struct {
	Title         string
	Path          string // without the query
	Here          string // with it
	Menu          []section
	Me            visitor
	Organizations []schema.Organization // that the visitor may choose from
	Organization  string                // the id of the one that is shown; empty: the key's own
	Notice        *notice               // of what was done last
	Data          any
}

// layout is what every page is in, and parts are what several pages have.
const (
	layout = "templates/layout.html"
	parts  = "templates/parts.html"
)

// loadPages parses each page with the layout.
func loadPages(a assets) (map[string]*template.Template, error) {
	files, err := templates.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, f := range files {
		file := path.Join("templates", f.Name())
		if file == layout || file == parts {
			continue
		}
		parsed, err := template.New("layout.html").Funcs(functions(a)).ParseFS(templates, layout, parts, file)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		pages[strings.TrimSuffix(f.Name(), ".html")] = parsed
	}
	return pages, nil
}

// show answers the page of that name with data.
func (v *visit) show(name, title string, data any) error {
	return v.render(http.StatusOK, name, title, data)
}

// render answers a whole page, or what is in the layout when htmx asks. A page
// that does not come out whole is not begun.
func (v *visit) render(status int, name, title string, data any) error {
	dot := page{
		Title: title, Path: v.r.URL.Path, Here: v.r.URL.RequestURI(), Menu: menuOf(v.me, v.r.URL.Path), Me: v.me,
		Organizations: v.orgs, Organization: v.session.Organization, Data: data,
	}
	part := "layout.html"
	if v.htmx() {
		part = "content"
	} else if n := (notice{}); v.console.read(v.r, noticeCookie, sealNotice, &n) {
		dot.Notice = &n
		v.console.drop(v.w, v.r, noticeCookie)
	}
	tmpl, ok := v.console.pages[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	var out bytes.Buffer
	if err := tmpl.ExecuteTemplate(&out, part, dot); err != nil {
		return fmt.Errorf("show page %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = out.WriteTo(v.w) // fails when the visitor is gone
	return nil
}

// json answers a script of ours.
func (v *visit) json(data any) error {
	encoded, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	v.w.Header().Set("Content-Type", "application/json")
	_, _ = v.w.Write(encoded) // fails when the visitor is gone
	return nil
}

// wrong is what the page of an error says.
type wrong struct {
	Status        int
	Title, Detail string
}

// sayings are what statuses are called on pages.
var sayings = map[int]string{
	http.StatusForbidden:           "You may not see this",
	http.StatusNotFound:            "There is nothing here",
	http.StatusMethodNotAllowed:    "There is nothing here",
	http.StatusUnprocessableEntity: "That is not possible",
	http.StatusConflict:            "That is not possible now",
	http.StatusTooManyRequests:     "Too many requests",
	http.StatusServiceUnavailable:  "Something that this needs does not answer",
}

// fail answers what went wrong: with the page for signing in, or with one that
// says what to do. What is nobody's business is in the log.
func (v *visit) fail(err error) {
	p := problemOf(err)
	switch {
	case errors.Is(err, errSignedOut), p != nil && p.Status == http.StatusUnauthorized:
		v.dismiss(p != nil)
		return
	case p == nil:
		v.console.Logger.ErrorContext(v.r.Context(), "console", "path", v.r.URL.Path, "error", err)
		p = &problem{Status: http.StatusInternalServerError, Detail: "This is an error of callstream's; the server's log has the cause."}
	}
	w := wrong{p.Status, sayings[p.Status], p.Error()}
	if w.Title == "" {
		w.Title = "Something went wrong"
	}
	if p.wait != "" {
		v.w.Header().Set("Retry-After", p.wait)
	}
	if v.htmx() { // the page stays, and its place for notices tells
		v.w.Header().Set("HX-Retarget", "#notice")
		v.w.Header().Set("HX-Reswap", "innerHTML")
		v.w.Header().Set("HX-Reselect", "#problem")
	}
	if err := v.render(p.Status, "error", w.Title, w); err != nil {
		v.console.Logger.ErrorContext(v.r.Context(), "console", "path", v.r.URL.Path, "error", err)
		http.Error(v.w, w.Title, http.StatusInternalServerError)
	}
}

// nowhere answers an address that there is not.
func (c *console) nowhere(*visit) error {
	return &problem{Status: http.StatusNotFound, Detail: "The console has no such page. Perhaps the address was mistyped, or the page has moved."}
}
