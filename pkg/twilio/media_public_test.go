package twilio_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/loquent/callstream/schema"
)

func TestMediaPublic(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		answer http.HandlerFunc
		public bool
		code   schema.Code
	}{
		"credentials are asked for": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, false, ""},
		"it is refused":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, false, ""},
		"it is gone":                {http.NotFound, false, ""},
		"anybody gets it": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/mpeg")
			_, _ = w.Write([]byte("audio"))
		}, true, ""},
		"it leads to another path": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/elsewhere" {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
				return
			}
			w.Header().Set("Content-Type", "audio/mpeg")
			_, _ = w.Write([]byte("audio"))
		}, true, ""},
		"it leads in a circle": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, false, schema.Internal},
		"it leads off https": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://storage.example.com/x", http.StatusTemporaryRedirect)
		}, false, schema.Internal},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>"))
		}, false, schema.Corrupt},
		"a fault": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, false, schema.Unavailable},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := newDouble(t, test.answer)
			public, err := d.client(t).MediaPublic(t.Context(), account(), recordingSID)
			if public != test.public || schema.CodeOf(err) != test.code {
				t.Errorf("public %v, error %v; want %v and code %q", public, err, test.public, test.code)
			}
			for _, r := range d.asked() {
				if r.header.Get("Authorization") != "" {
					t.Error("the credentials were sent")
				}
			}
		})
	}
}

// Storage that the audio was redirected to over https gives it to anybody who
// has the link.
func TestMediaPublicElsewhere(t *testing.T) {
	t.Parallel()
	storage := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg")
		_, _ = w.Write([]byte("audio"))
	}))
	defer storage.Close()
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, storage.URL+"/object", http.StatusTemporaryRedirect)
	})
	d.Client().Transport.(*http.Transport).TLSClientConfig = storage.Client().Transport.(*http.Transport).TLSClientConfig
	public, err := d.client(t).MediaPublic(t.Context(), account(), recordingSID)
	if err != nil || !public {
		t.Errorf("public %v, error %v; want public", public, err)
	}
	storage.Client().CloseIdleConnections()
}

func TestMediaPublicRefusesOtherSIDs(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked for") })
	if _, err := d.client(t).MediaPublic(t.Context(), account(), "../Recordings"); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("error %v, want an invalid one", err)
	}
}
