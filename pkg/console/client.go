package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// organizationHeader is how an operator's key names the organization whose data
// it asks for.
const organizationHeader = "Callstream-Organization"

// client asks the API with one visitor's key.
type client struct {
	api  http.Handler
	key  string
	org  string // that an operator has chosen; empty: the key's own, or none
	from string // the visitor's address, by which the API holds back who tries keys
}

// get asks for path and reads the answer into a pointer.
func (c client) get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, nil, into)
}

// do sends body, which may be nil, and reads the answer into a pointer, or drops
// it when that is nil. What the API refuses is a [*problem].
func (c client) do(ctx context.Context, method, path string, body, into any) error {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	got := &answer{header: http.Header{}}
	c.api.ServeHTTP(got, req)
	if got.status >= http.StatusBadRequest {
		return got.problem()
	}
	if into == nil || got.body.Len() == 0 {
		return nil
	}
	if err := json.Unmarshal(got.body.Bytes(), into); err != nil {
		return fmt.Errorf("read answer to %s %s: %w", method, req.URL.Path, err)
	}
	return nil
}

// request returns a request of the visitor's to the API.
func (c client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("write body of %s %s: %w", method, path, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, path, bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("make request to %s: %w", path, err)
	}
	req.RemoteAddr = c.from
	req.Header.Set("Authorization", "Bearer "+c.key)
	if c.org != "" {
		req.Header.Set(organizationHeader, c.org)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// answer keeps what the API answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p) //nolint:wrapcheck // never fails
}

// problem reads a refusal.
func (a *answer) problem() error {
	p := &problem{}
	if err := json.Unmarshal(a.body.Bytes(), p); err != nil || p.Status == 0 {
		p = &problem{Status: a.status, Title: http.StatusText(a.status)}
	}
	p.wait = a.header.Get("Retry-After")
	return p
}

// problem is an answer of the API that is not what was asked for (RFC 9457).
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	wait   string // Retry-After, in seconds
}

// Error returns what the API says to do.
func (p *problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// problemOf returns the problem that err is, or nil: of one of the statuses, or
// of any when none is given.
func problemOf(err error, statuses ...int) *problem {
	var p *problem
	if errors.As(err, &p) && (len(statuses) == 0 || slices.Contains(statuses, p.Status)) {
		return p
	}
	return nil
}
