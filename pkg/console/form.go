package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// refused returns what the API refused of what a form asked for, to be shown
// beside the form; nil for any other error, and for a session that has ended.
func refused(err error) *problem {
	if p := problemOf(err); p != nil && p.Status != http.StatusUnauthorized {
		return p
	}
	return nil
}

// status is that of a page with the problem: 200 where there is none.
func (p *problem) status() int {
	if p == nil {
		return http.StatusOK
	}
	return p.Status
}

// amiss is what is wrong with a form that the API was not asked about.
func amiss(detail string) *problem {
	return &problem{Status: http.StatusUnprocessableEntity, Detail: detail}
}

// typed returns what was typed into a field of the form, without space around it.
func (v *visit) typed(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }

// everywhere returns a client whose requests are about all that the visitor may
// see: for operators all organizations, not the one that they have chosen.
func (v *visit) everywhere() client {
	c := v.client()
	c.org = ""
	return c
}

// lasting is send for what goes on although the visitor leaves.
func (v *visit) lasting(method, path string, body, into any) error {
	return v.client().do(context.WithoutCancel(v.r.Context()), method, path, body, into)
}

// whole returns the whole number in a field of the form, zero for none. what is
// what the field says of itself.
func (v *visit) whole(name, what string) (int, *problem) {
	text := v.typed(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, amiss("Enter " + what + " as a whole number, not “" + text + "”.")
	}
	return n, nil
}

// unconnected says what it means that the API has no operation for what a page
// shows: its process has no part that would know.
func unconnected(err error) error {
	if problemOf(err, http.StatusNotFound) == nil {
		return err
	}
	return &problem{
		Status: http.StatusServiceUnavailable, Title: http.StatusText(http.StatusServiceUnavailable),
		Detail: "This console was started without NATS_URL, so it does not know the pipeline. Calls and settings are not affected.",
	}
}
