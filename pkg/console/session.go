package console

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A session lasts so long after the last request, and its cookie is made anew
// when it is older than that.
const (
	sessionLasts = 12 * time.Hour
	sessionRenew = time.Hour
)

// session is what the cookie of a visitor who is signed in holds.
type session struct {
	Key          string    `json:"key"`           // the API key that they signed in with
	Organization string    `json:"org,omitempty"` // that an operator has chosen
	Made         time.Time `json:"made"`
}

// What seals are for. A value that was sealed for one opens for no other.
var (
	sealSession = []byte("console session")
	sealNotice  = []byte("console notice")
)

// session returns the session of the request's cookie; false when there is
// none, it has expired, or it was not made here.
func (c *console) session(r *http.Request) (s session, ok bool) {
	if !c.read(r, sessionCookie, sealSession, &s) || c.Clock().Sub(s.Made) > sessionLasts {
		return session{}, false
	}
	return s, true
}

// keep makes the visitor's cookie hold s from now on.
func (c *console) keep(w http.ResponseWriter, r *http.Request, s session) error {
	s.Made = c.Clock()
	return c.write(w, r, sessionCookie, sealSession, s, sessionLasts)
}

// The cookies. Over https their names bind them to this host and to https (RFC
// 6265bis §4.1.3.2).
const (
	sessionCookie = "callstream_session"
	noticeCookie  = "callstream_notice"
	hostPrefix    = "__Host-"
)

// cookie returns an empty cookie as the request's connection allows it.
func (c *console) cookie(r *http.Request, name string) *http.Cookie {
	secure := c.Secure || r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
	if secure {
		name = hostPrefix + name
	}
	//nolint:gosec // over plain http, as on a developer's machine, browsers would drop a secure one
	return &http.Cookie{Name: name, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
}

// write seals value into a cookie.
func (c *console) write(w http.ResponseWriter, r *http.Request, name string, aad []byte, value any, lasts time.Duration) error {
	plain, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write cookie: %w", err)
	}
	sealed, err := c.Sealer.Seal(plain, aad)
	if err != nil {
		return fmt.Errorf("seal cookie: %w", err)
	}
	cookie := c.cookie(r, name) //nolint:gosec // see there
	cookie.Value, cookie.MaxAge = base64.RawURLEncoding.EncodeToString(sealed), int(lasts.Seconds())
	http.SetCookie(w, cookie)
	return nil
}

// read opens a cookie into a pointer; false when it does not open.
func (c *console) read(r *http.Request, name string, aad []byte, into any) bool {
	cookie, err := r.Cookie(c.cookie(r, name).Name)
	if err != nil {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return false
	}
	plain, err := c.Sealer.Open(sealed, aad)
	return err == nil && json.Unmarshal(plain, into) == nil
}

// drop takes a cookie away.
func (c *console) drop(w http.ResponseWriter, r *http.Request, name string) {
	cookie := c.cookie(r, name) //nolint:gosec // see there
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}
