package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// page is the part of a list that a request asks for.
type page[T any] struct {
	items        []T
	size, number int
	next         string // the next page's token; empty: there is none
}

// cutPage cuts the requested page out of a list, newest first by the items'
// keys. The token is the key of the page's predecessor, so that a list may
// grow at its head and shrink anywhere while it is read.
func cutPage[T any](r *request, items []T, key func(T) string) (page[T], error) {
	p := page[T]{size: 50}
	for name, number := range map[string]*int{"PageSize": &p.size, "Page": &p.number} {
		text := r.params.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return p, refuse(http.StatusBadRequest, 20001, "%s is no number: %s", name, text)
		}
		*number = n
	}
	p.size = min(max(p.size, 1), 1000)
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(key(b), key(a)) })
	if token, ok := strings.CutPrefix(r.params.Get("PageToken"), "PA"); ok {
		items = slices.DeleteFunc(items, func(item T) bool { return key(item) >= token })
	}
	if len(items) > p.size {
		items = items[:p.size]
		p.next = "PA" + key(items[p.size-1])
	}
	p.items = items
	return p, nil
}

// listKey orders things by the time at which they came to be.
func listKey(t time.Time, sid string) string { return fmt.Sprintf("%016x%s", t.UnixNano(), sid) }

// pageURI is the request's path and query with the page replaced.
func pageURI(r *request, size, number int, token string) string {
	query := r.URL.Query()
	query.Set("PageSize", itoa(size))
	query.Set("Page", itoa(number))
	query.Del("PageToken")
	if token != "" {
		query.Set("PageToken", token)
	}
	return r.URL.Path + "?" + query.Encode()
}

// apiPage is the frame of api.twilio.com's lists.
func apiPage[T any](r *request, name string, items []T, key func(T) string, show func(T) any) (reply, error) {
	p, err := cutPage(r, items, key)
	if err != nil {
		return reply{}, err
	}
	body := map[string]any{
		name: showAll(p.items, show), "page": p.number, "page_size": p.size, "start": p.number * p.size,
		"end": max(0, p.number*p.size+len(p.items)-1), "uri": r.URL.RequestURI(),
		"first_page_uri": pageURI(r, p.size, 0, ""), "next_page_uri": nil, "previous_page_uri": nil,
	}
	if p.next != "" {
		body["next_page_uri"] = pageURI(r, p.size, p.number+1, p.next)
	}
	return reply{http.StatusOK, body}, nil
}

func showAll[T any](items []T, show func(T) any) []any {
	shown := make([]any, 0, len(items))
	for _, item := range items {
		shown = append(shown, show(item))
	}
	return shown
}

// within reports whether a moment's day or time lies within the filters
// name, name< and name>, as Twilio's lists take them.
func (r *request) within(name string, t time.Time) (bool, error) {
	for suffix, holds := range map[string]func(bound, day time.Time) bool{
		"":  func(bound, day time.Time) bool { return day.Equal(bound) },
		"<": func(bound, day time.Time) bool { return !day.After(bound) },
		">": func(bound, day time.Time) bool { return !day.Before(bound) },
	} {
		text := r.params.Get(name + suffix)
		if text == "" {
			continue
		}
		bound, compared, err := parseBound(text, t)
		if err != nil {
			return false, refuse(http.StatusBadRequest, 20001, "%s%s is no date: %s", name, suffix, text)
		}
		if !holds(bound, compared) {
			return false, nil
		}
	}
	return true, nil
}

// parseBound reads a day, or a time, and brings t to the same grain.
func parseBound(text string, t time.Time) (bound, compared time.Time, err error) {
	t = t.UTC()
	if bound, err = time.Parse(time.DateOnly, text); err == nil {
		return bound, time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), nil
	}
	bound, err = time.Parse(time.RFC3339, text)
	return bound, t, err //nolint:wrapcheck // The caller says what could not be read.
}
