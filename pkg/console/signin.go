package console

import (
	"net/http"
	"net/url"
	"strings"
)

// entrance is what the page for signing in shows.
type entrance struct {
	Next  string // where the visitor wanted to go
	Error string
}

// start sends the visitor to the first page that they may see.
func (c *console) start(v *visit) error {
	for _, s := range menuOf(v.me, "") {
		return v.redirect(s.Entries[0].Path)
	}
	return &problem{Status: http.StatusForbidden, Detail: "The key " + v.me.Name + " permits none of the console's pages. Ask an administrator for a key that does."}
}

// signIn shows the page for signing in.
func (c *console) signIn(v *visit) error {
	if _, ok := c.session(v.r); ok {
		return v.redirect(inside(v.r.FormValue("next")))
	}
	return v.show("sign-in", "Sign in", entrance{Next: inside(v.r.FormValue("next"))})
}

// signedIn signs the visitor in with an API key. The API holds back addresses
// that try keys.
func (c *console) signedIn(v *visit) error {
	v.session.Key = strings.TrimSpace(v.r.PostFormValue("key"))
	e := entrance{Next: inside(v.r.PostFormValue("next"))}
	if v.session.Key == "" {
		e.Error = "Enter your API key."
		return v.render(http.StatusUnprocessableEntity, "sign-in", "Sign in", e)
	}
	err := v.get("/api/me", nil, &v.me)
	if p := problemOf(err, http.StatusUnauthorized); p != nil {
		e.Error = "This key is not known, has been revoked or has expired. Check that you have copied all of it."
		v.me = visitor{}
		return v.render(http.StatusUnauthorized, "sign-in", "Sign in", e)
	}
	if p := problemOf(err, http.StatusTooManyRequests); p != nil {
		e.Error = "Too many keys that are not known came from your address. Wait a minute, then try again."
		v.w.Header().Set("Retry-After", p.wait)
		return v.render(http.StatusTooManyRequests, "sign-in", "Sign in", e)
	}
	if err != nil {
		return err
	}
	if err := c.keep(v.w, v.r, v.session); err != nil {
		return err
	}
	return v.redirect(e.Next)
}

// signOut ends the session.
func (c *console) signOut(v *visit) error {
	c.drop(v.w, v.r, sessionCookie)
	return v.redirect("/sign-in")
}

// dismiss ends a session that is none any more and sends the visitor to where
// they can begin another, and from there back to where they are.
func (v *visit) dismiss(revoked bool) {
	v.console.drop(v.w, v.r, sessionCookie)
	if revoked {
		v.leave(notice{Text: "Your session has ended: its key was revoked or has expired.", Bad: true})
	}
	to := "/sign-in"
	if v.r.Method == http.MethodGet && !v.htmx() && v.r.URL.Path != "/" {
		to += "?" + url.Values{"next": {v.r.URL.RequestURI()}}.Encode()
	}
	_ = v.redirect(to) // never fails
}

// chooseOrganization sets whose data an operator looks at.
func (c *console) chooseOrganization(v *visit) error {
	v.session.Organization = strings.TrimSpace(v.r.PostFormValue("organization"))
	if err := c.keep(v.w, v.r, v.session); err != nil {
		return err
	}
	return v.redirect(inside(v.r.PostFormValue("next")))
}

// inside returns a path of this console: what was asked for if it is one, the
// start if it would lead elsewhere.
func inside(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") ||
		strings.HasPrefix(u.Path, "/sign-") {
		return "/"
	}
	return path
}
