package console

import (
	"fmt"
	"net/http"
)

// audio answers a recording's audio, or the part of it that a player asks for.
// The API writes straight to the visitor: nothing is kept here, however long it
// lasts.
func (c *console) audio(v *visit) error {
	sid := v.r.PathValue("sid")
	req, err := v.client().request(v.r.Context(), v.r.Method, "/api/recordings/"+sid+"/media", nil)
	if err != nil {
		return err
	}
	for _, name := range []string{"Range", "If-Range", "If-None-Match"} {
		if value := v.r.Header.Get(name); value != "" {
			req.Header.Set(name, value)
		}
	}
	if v.r.URL.Query().Has("download") {
		v.w.Header().Set("Content-Disposition", `attachment; filename="`+sid+`.mp3"`)
	}
	c.API.ServeHTTP(&refusable{ResponseWriter: v.w, visit: v}, req)
	return nil
}

// refusable lets audio through, and shows the page of an error instead of a
// refusal to who would see it: a visitor that follows the link to a download.
type refusable struct {
	http.ResponseWriter
	visit   *visit
	refused bool
}

// WriteHeader takes away what held for the audio alone.
func (w *refusable) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.Header().Del("Content-Disposition")
		if w.refused = w.visit.r.Header.Get("Sec-Fetch-Dest") == "document"; w.refused {
			w.visit.fail(&problem{Status: status, Detail: "The recording cannot be downloaded now: it is not archived, it is quarantined, or your key does not permit it."})
			return
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write drops the API's own words where the page of an error has taken their
// place.
func (w *refusable) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	n, err := w.ResponseWriter.Write(p)
	if err != nil {
		return n, fmt.Errorf("write audio: %w", err)
	}
	return n, nil
}

// Unwrap lets what streams through reach the connection.
func (w *refusable) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// waveform answers how loud a recording is over its time, which never changes.
func (c *console) waveform(v *visit) error {
	var wave struct {
		Duration float64     `json:"duration"`
		Channels [][]float64 `json:"channels"`
	}
	if err := v.get("/api/recordings/"+v.r.PathValue("sid")+"/waveform", nil, &wave); err != nil {
		return err
	}
	v.w.Header().Set("Cache-Control", "private, max-age=3600")
	return v.json(wave)
}
