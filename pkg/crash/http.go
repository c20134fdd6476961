package crash

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// HTTP serves as a way to an HTTP server. name says which server it is in the
// names of steps, of which each request is one; it returns nothing for a request
// that is none. The caller closes the server.
func HTTP(upstream string, trap *Trap, name func(*http.Request) string) *httptest.Server {
	// A connection for each request: one that was kept would be to a process that
	// is gone, and what was posted on it could not be sent again.
	transport := &http.Transport{DialContext: patiently, DisableCompression: true, DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", upstream, r.In.Host // which signatures name
		},
		ModifyResponse: func(r *http.Response) error {
			step := name(r.Request)
			if step != "" && !trap.reach(Point{Step: step, After: true}, carriedBy(r.Request)) {
				return errKilled
			}
			return nil
		},
		// Nothing is answered in the stead of a server that is gone.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(discard{}, "", 0),
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		step := name(r)
		if step != "" && !trap.reach(Point{Step: step}, carriedBy(r)) {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = proxy.ErrorLog
	server.Start()
	return server
}

func carriedBy(r *http.Request) func() []byte {
	return func() []byte { return []byte(r.URL.Path + " " + r.URL.RawQuery) }
}

// startTime is how long a request waits for a server that is being started.
const startTime = 10 * time.Second

// patiently connects, also to a server that is just being started: as a
// balancer does that holds requests back until there is a server for them.
func patiently(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	for deadline := time.Now().Add(startTime); ; {
		conn, err := dialer.DialContext(ctx, network, address)
		if err == nil || time.Now().After(deadline) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Object names requests to S3.
func Object(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case query.Has("uploads"), r.Method == http.MethodPost && query.Has("delete"):
		return "S3 " + r.Method + " " + firstKey(query)
	case query.Has("partNumber"):
		return "S3 PUT part"
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return "S3 complete"
	case query.Has("uploadId"):
		return "S3 " + r.Method + " upload"
	}
	return "S3 " + r.Method
}

func firstKey(query url.Values) string {
	for key := range query {
		return key
	}
	return ""
}

// named matches what is in a path instead of a name.
var named = regexp.MustCompile(`^(AC|CA|RE|SM)[0-9a-f]{32}`)

// API names requests to Twilio and to a transcription service by what they do,
// not to whom.
func API(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/v1/audio/") {
		return "Whisper " + r.Method
	}
	var path []string
	for part := range strings.SplitSeq(strings.Trim(r.URL.Path, "/"), "/") {
		switch {
		case part == "2010-04-01", part == "Accounts", strings.HasPrefix(part, "AC"):
		case named.MatchString(part):
			path = append(path, "*"+named.ReplaceAllString(part, ""))
		default:
			path = append(path, part)
		}
	}
	return "Twilio " + r.Method + " " + strings.Join(path, "/")
}

// Webhook names requests that come from Twilio.
func Webhook(r *http.Request) string {
	if !strings.HasPrefix(r.URL.Path, "/twilio/") {
		return ""
	}
	return "answer " + r.URL.Path
}

// discard is a writer of what nobody reads: a killed process ends connections
// in ways that servers complain of.
type discard struct{}

// Write drops p.
func (discard) Write(p []byte) (int, error) { return len(p), nil }
