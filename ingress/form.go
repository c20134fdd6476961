package ingress

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/loquent/callstream/schema"
)

// params are a callback's parameters. There are some forty, of which a dozen
// are asked for once: they are looked through rather than indexed.
type params []param

// param is a parameter by its name as Twilio writes it.
type param struct {
	name  string
	value text
	json  string // where the value is still JSON; value is then empty
}

// get returns the parameter's value, empty where there is none.
func (p params) get(name string) string {
	value, _ := p.find(name)
	return value
}

// find returns the parameter's value and whether there is one. Of a name that
// comes twice the last counts.
func (p params) find(name string) (string, bool) {
	for _, param := range slices.Backward(p) {
		if param.name != name {
			continue
		}
		if param.json != "" {
			return string(textOf(param.json)), true
		}
		return string(param.value), true
	}
	return "", false
}

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
func readForm(body string) (params, json.RawMessage, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, nil, schema.Errorf(schema.Invalid, "read form: %w", err)
	}
	p := make(params, 0, len(form))
	source := append(make([]byte, 0, 2*len(body)+2), '{')
	for i, name := range slices.Sorted(maps.Keys(form)) {
		values := form[name]
		p = append(p, param{name: name, value: text(clean(values[0]))})
		if i > 0 {
			source = append(source, ',')
		}
		source = append(appendText(source, name), ':')
		if len(values) == 1 {
			source = appendText(source, values[0])
			continue
		}
		for j, value := range values {
			source = append(source, map[bool]byte{true: '[', false: ','}[j == 0])
			source = appendText(source, value)
		}
		source = append(source, ']')
	}
	return p, append(source, '}'), nil
}

// appendText appends s as a JSON string. Most of what Twilio sends stands for
// itself.
func appendText(to []byte, s string) []byte {
	if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' }) {
		quoted, _ := json.Marshal(s) // of a string there is no error
		return append(to, quoted...)
	}
	return append(append(append(to, '"'), s...), '"')
}

// callbackReader makes an event of a callback's parameters. meta is complete
// but for what they say.
type callbackReader func(meta schema.Header, p params) (schema.Event, error)

// readCallback reads a form as one event.
func (d *delivery) readCallback(kind string, read callbackReader) []verdict {
	body := string(d.body)
	if err := checkSize(body); err != nil {
		return []verdict{d.undecodable(kind, body, err)}
	}
	p, source, err := readForm(body)
	if err != nil {
		return []verdict{d.undecodable(kind, body, err)}
	}
	event, err := read(d.meta(schema.OriginCallback, source), p)
	if err == nil {
		kind = event.Kind()
	}
	return []verdict{d.judge(kind, body, event, err)}
}

// stamp completes an event's header with the account and, if known, the time.
func stamp(meta schema.Header, p params) (schema.Header, error) {
	meta.AccountSID = p.get("AccountSid")
	if at := moment(p.get("Timestamp")); at != nil {
		meta.OccurredAt = *at
	}
	return meta, schema.CheckSID("AccountSid", meta.AccountSID, schema.AccountPrefix)
}
