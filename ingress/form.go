package ingress

import (
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/loquent/callstream/schema"
)

// params are a callback's parameters, by their names as Twilio writes them.
type params map[string]text

func (p params) get(name string) string { return string(p[name]) }

// first returns the first of the parameters that has a value.
func (p params) first(names ...string) string {
	for _, name := range names {
		if s := p.get(name); s != "" {
			return s
		}
	}
	return ""
}

// accountOfForm returns the account that a callback names.
func accountOfForm(body []byte) string {
	form, _ := url.ParseQuery(string(body)) //nolint:errcheck // what can be read will do; the signature covers all
	return form.Get("AccountSid")
}

// readForm reads a callback's parameters, and returns them as a JSON object
// too: what is to be kept of the callback.
func readForm(body []byte) (params, json.RawMessage, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, nil, schema.Errorf(schema.Invalid, "read form: %w", err)
	}
	p, words := make(params, len(form)), make(map[string]any, len(form))
	for name, values := range form {
		p[name] = text(clean(values[0]))
		words[name] = values
		if len(values) == 1 {
			words[name] = values[0]
		}
	}
	source, err := json.Marshal(words)
	if err != nil {
		return nil, nil, fmt.Errorf("keep form: %w", err)
	}
	return p, source, nil
}

// callbackReader makes an event of a callback's parameters. meta is complete
// but for what they say.
type callbackReader func(meta schema.Header, p params) (schema.Event, error)

// readCallback reads a form as one event.
func (d *delivery) readCallback(kind string, read callbackReader) []verdict {
	if err := checkSize(d.body); err != nil {
		return []verdict{d.undecodable(kind, d.body, err)}
	}
	p, source, err := readForm(d.body)
	if err != nil {
		return []verdict{d.undecodable(kind, d.body, err)}
	}
	event, err := read(d.meta(schema.OriginCallback, source), p)
	if err == nil {
		kind = event.Kind()
	}
	return []verdict{d.judge(kind, d.body, event, err)}
}

// stamp completes an event's header with the account and, if known, the time.
func stamp(meta schema.Header, p params) (schema.Header, error) {
	meta.AccountSID = p.get("AccountSid")
	if at := moment(p.get("Timestamp")); at != nil {
		meta.OccurredAt = *at
	}
	return meta, schema.CheckSID("AccountSid", meta.AccountSID, schema.AccountPrefix)
}
