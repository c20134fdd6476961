package console

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// auditLog is what the page about the audit log shows.
type auditLog struct {
	Entries  []auditLine
	Filter   url.Values // as the form has it
	Filtered bool
	All      bool   // an operator sees every organization's
	Next     string // the address of the next page; empty on the last
	Newest   bool   // it is the first page
}

// auditLine is an entry as people read it.
type auditLine struct {
	schema.AuditEntry
	Changes      []change
	Organization string // its name, where an operator sees several
}

// change is one thing that an entry tells besides.
type change struct {
	Name, From, To string
	Turned         bool // From is known
}

// Deeds are the actions to choose from, in the order of their words.
func (auditLog) Deeds() []choice {
	var list []choice
	for _, action := range slices.Sorted(maps.Keys(deeds)) {
		list = append(list, choice{Value: action, Name: deeds[action]})
	}
	slices.SortFunc(list, func(a, b choice) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// auditFilter are the fields of the form that the API takes as they are.
var auditFilter = []string{"actor", "action", "target", "since", "until"}

// audit shows a page of the audit log.
func (c *console) audit(v *visit) error {
	shown := auditLog{Filter: v.r.URL.Query(), Newest: v.r.FormValue("cursor") == ""}
	query := url.Values{}
	for _, name := range auditFilter {
		if text := strings.TrimSpace(v.r.FormValue(name)); text != "" {
			query.Set(name, text)
			shown.Filtered = true
		}
	}
	if cursor := v.r.FormValue("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	api := v.client()
	if shown.All = v.me.Operator() && v.r.FormValue("of") != "one"; shown.All {
		api = v.everywhere()
	}
	var answer struct {
		Entries []schema.AuditEntry
		Next    string
	}
	if err := api.get(v.r.Context(), "/api/audit", query, &answer); err != nil {
		return err
	}
	for _, e := range answer.Entries {
		shown.Entries = append(shown.Entries, auditLine{e, changes(e.Detail), v.organizationName(e.OrganizationID)})
	}
	shown.Next = nextPage(v.r.URL, answer.Next)
	return v.show("audit", "Audit log", shown)
}

// nextPage returns the address of the page after this; empty where there is none.
func nextPage(here *url.URL, cursor string) string {
	if cursor == "" {
		return ""
	}
	query := here.Query()
	query.Set("cursor", cursor)
	return here.Path + "?" + query.Encode()
}

// organizationName returns the name of an organization that an operator may
// choose, its id where they do not know it.
func (v *visit) organizationName(id string) string {
	for _, o := range v.orgs {
		if o.ID == id {
			return o.Name
		}
	}
	return id
}

// changes reads what an entry tells besides, by name.
func changes(detail map[string]any) []change {
	var list []change
	for _, name := range slices.Sorted(maps.Keys(detail)) {
		c := change{Name: strings.ReplaceAll(name, "_", " ")}
		if turn, ok := detail[name].(map[string]any); ok && len(turn) == 2 && turn["to"] != nil {
			c.From, c.To, c.Turned = plain(turn["from"]), plain(turn["to"]), true
		} else {
			c.To = plain(detail[name])
		}
		list = append(list, c)
	}
	return list
}

// plain writes a value of an entry's detail for people.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return "none"
	case bool:
		return map[bool]string{true: "on", false: "off"}[v]
	case string:
		return cmp.Or(v, "none")
	case float64:
		return fmt.Sprintf("%.15g", v)
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, plain(item))
		}
		return strings.Join(items, ", ")
	case map[string]any:
		var items []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			items = append(items, strings.ReplaceAll(name, "_", " ")+": "+plain(v[name]))
		}
		return strings.Join(items, "; ")
	}
	return fmt.Sprint(value)
}
