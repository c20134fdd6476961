package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/loquent/callstream/pkg/api"
)

// described is one operation as the served document has it.
type described struct {
	method, path string
	ID           string           `json:"operationId"`
	Summary      string           `json:"summary"`
	Description  string           `json:"description"`
	Permission   *string          `json:"x-permission"`
	Scope        string           `json:"x-scope"`
	Security     []map[string]any `json:"security"`
	Parameters   []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
	RequestBody *struct {
		Content map[string]struct {
			Example json.RawMessage `json:"example"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]any `json:"content"`
	} `json:"responses"`
}

// document returns the served document and its operations.
func document(t testing.TB) (raw string, operations []described) {
	t.Helper()
	response, raw := request(t, &store{}, "", "GET", "/api/openapi.json", "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the document, without a key: %d", response.StatusCode)
	}
	var doc struct {
		OpenAPI string                          `json:"openapi"`
		Paths   map[string]map[string]described `json:"paths"`
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("openapi %q", doc.OpenAPI)
	}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			o.method, o.path = strings.ToUpper(method), path
			operations = append(operations, o)
		}
	}
	slices.SortFunc(operations, func(a, b described) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return raw, operations
}

func TestTheDocumentIsValid(t *testing.T) {
	t.Parallel()
	raw, _ := document(t)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

// What everybody needs to know of an operation is said of each.
func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	_, operations := document(t)
	ids := map[string]bool{}
	for _, o := range operations {
		name := o.method + " " + o.path
		if o.Summary == "" || o.Description == "" || o.ID == "" || ids[o.ID] || len(o.Security) != 1 {
			t.Errorf("%s: id %q, summary %q, description %q, security %v", name, o.ID, o.Summary, o.Description, o.Security)
		}
		ids[o.ID] = true
		if o.Permission == nil || (o.Scope != "anyone" && !slices.Contains(api.Permissions, *o.Permission)) {
			t.Errorf("%s names no permission", name)
		}
		if o.Permission != nil && *o.Permission != "" && !strings.Contains(o.Description, "`"+*o.Permission+"`") {
			t.Errorf("%s: the description %q lacks the permission", name, o.Description)
		}
		for _, code := range []string{"401", "403", "429", "500", "503"} {
			if _, ok := o.Responses[code].Content["application/problem+json"]; !ok {
				t.Errorf("%s tells of no problem %s, only of %v", name, code, slices.Sorted(maps.Keys(o.Responses)))
			}
		}
		if o.RequestBody != nil && o.RequestBody.Content["application/json"].Example == nil {
			t.Errorf("%s has no example of its body", name)
		}
	}
}

// The enum of permissions that a new key may hold is the list of them.
func TestTheDocumentHasAllPermissions(t *testing.T) {
	t.Parallel()
	raw, _ := document(t)
	want, err := json.Marshal(api.Permissions)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(raw, `"enum":`+string(want)) {
		t.Errorf("no enum of %s in the document", want)
	}
}

// Tokens are write-only in the document, and in no answer at all.
func TestTokensAreWriteOnly(t *testing.T) {
	t.Parallel()
	raw, _ := document(t)
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					WriteOnly bool `json:"writeOnly"`
				} `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatal(err)
	}
	found := 0
	for name, s := range doc.Components.Schemas {
		for property, p := range s.Properties {
			if strings.HasSuffix(property, "auth_token") {
				found++
				if !p.WriteOnly {
					t.Errorf("%s.%s is not write-only", name, property)
				}
			}
		}
	}
	if found != 2 {
		t.Errorf("%d tokens in the document, want 2", found)
	}
}

// A part that is not there has no routes; nobody meets a nil.
func TestMissingPartsHaveNoRoutes(t *testing.T) {
	t.Parallel()
	s := &store{}
	h := s.handler(func(c *api.Config) { *c = api.Config{Keys: s, Recordings: s, Objects: s, Logger: c.Logger} })
	_, raw := ask(t, h, "", "GET", "/api/openapi.json", "")
	var doc struct {
		Paths map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil || len(doc.Paths) != 1 || doc.Paths["/api/me"] == nil {
		t.Errorf("paths %v (%v), want /api/me alone", doc.Paths, err)
	}
	if response, _ := ask(t, h, "csk_admin", "GET", "/api/recordings/"+recordingSID+"/media", ""); response.StatusCode != 404 {
		t.Errorf("audio without an audit log: %d", response.StatusCode)
	}
}
