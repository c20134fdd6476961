package twiliospec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// ErrNotCovered is the error for a path that Twilio's OpenAPI does not
// describe, as a recording's media.
var ErrNotCovered = errors.New("no such path in Twilio's OpenAPI")

const form = "application/x-www-form-urlencoded"

// Spec is Twilio's core API (2010-04-01) and Event Streams API (v1).
type Spec struct{ routers []routers.Router }

// load parses once per process: it takes about a second.
var load = sync.OnceValues(func() (*Spec, error) {
	contents, err := fetch()
	if err != nil {
		return nil, err
	}
	var spec Spec
	for _, d := range documents {
		router, err := parse(contents[d.name])
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", d.name, err)
		}
		spec.routers = append(spec.routers, router)
	}
	return &spec, nil
})

// Open returns the spec, for tests that have more to do than to judge requests.
// ok is false where the documents cannot be fetched.
func Open(t testing.TB) (spec *Spec, ok bool) {
	t.Helper()
	spec, err := load()
	if err != nil && !errors.Is(err, errUnavailable) {
		t.Fatal(err)
	}
	return spec, err == nil
}

// Load returns the spec. It skips the test, with the reason, where the
// documents cannot be fetched, and fails it where they are not the known ones.
func Load(t testing.TB) *Spec {
	t.Helper()
	spec, err := load()
	if errors.Is(err, errUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// parse reads a document and readies it for checking: any host serves it, and
// form fields without a type, of which the library cannot make anything, are
// text.
func parse(content []byte) (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(content)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("validate: %w", err)
	}
	doc.Servers = nil
	for _, item := range doc.Paths.Map() {
		item.Servers = nil
		for _, operation := range item.Operations() {
			giveTypes(operation)
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("route: %w", err)
	}
	return router, nil
}

func giveTypes(operation *openapi3.Operation) {
	for _, field := range formFields(operation) {
		schema := field.Value
		if schema.Type.Is("array") && schema.Items != nil {
			schema = schema.Items.Value
		}
		if schema.Type == nil {
			schema.Type = &openapi3.Types{"string"}
		}
	}
}

// formFields returns the fields of the operation's form, or nil.
func formFields(operation *openapi3.Operation) openapi3.Schemas {
	if operation.RequestBody == nil {
		return nil
	}
	content := operation.RequestBody.Value.Content.Get(form)
	if content == nil || content.Schema == nil {
		return nil
	}
	return content.Schema.Value.Properties
}

// Check returns why Twilio would not understand the request: a path
// (ErrNotCovered), method, parameter or form field that the spec does not
// name, a missing one, one of the wrong form, a single field sent twice, or no
// Basic credentials. body is the request's raw body; r's is not read, so that
// a server's handler may be called with either.
func (s *Spec) Check(r *http.Request, body []byte) error {
	input, err := s.input(r, body)
	if err != nil {
		return err
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, input.Route.Path, err)
	}
	return errors.Join(checkQuery(input), checkForm(input.Route.Operation, r, body))
}

// CheckResponse returns how an answer to the request differs from what the
// spec promises. Errors (4xx, 5xx), which it does not describe, pass.
func (s *Spec) CheckResponse(r *http.Request, status int, header http.Header, body []byte) error {
	if status >= 400 {
		return nil
	}
	input, err := s.input(r, nil)
	if err != nil {
		return err
	}
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(r.Context(), response.SetBodyBytes(body)); err != nil {
		return fmt.Errorf("answer to %s %s: %w", r.Method, input.Route.Path, err)
	}
	return nil
}

// input finds the request's operation and makes what the filter wants: a
// request whose body it may read.
func (s *Spec) input(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	probe := r.Clone(r.Context())
	probe.Body = io.NopCloser(bytes.NewReader(body))
	probe.ContentLength = int64(len(body))
	for _, router := range s.routers {
		route, parameters, err := router.FindRoute(probe)
		if errors.Is(err, routers.ErrPathNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
		}
		return &openapi3filter.RequestValidationInput{
			Request: probe, PathParams: parameters, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: requireBasic, SkipSettingDefaults: true},
		}, nil
	}
	return nil, fmt.Errorf("%s: %w", r.URL.Path, ErrNotCovered)
}

func requireBasic(_ context.Context, input *openapi3filter.AuthenticationInput) error {
	user, password, ok := input.RequestValidationInput.Request.BasicAuth()
	if !ok || user == "" || password == "" {
		return errors.New("no Basic credentials")
	}
	return nil
}

// checkQuery refuses parameters that the operation does not name; the filter
// lets them pass.
func checkQuery(input *openapi3filter.RequestValidationInput) error {
	for name := range input.GetQueryParams() {
		if input.Route.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("%s has no query parameter %q", input.Route.Operation.OperationID, name)
		}
	}
	return nil
}

// checkForm refuses fields that the operation does not name, which the filter
// lets pass, and repetitions of fields that are not lists.
func checkForm(operation *openapi3.Operation, r *http.Request, body []byte) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), form) {
		return nil
	}
	sent, err := url.ParseQuery(string(body))
	if err != nil {
		return fmt.Errorf("%s: form: %w", operation.OperationID, err)
	}
	fields := formFields(operation)
	for name, values := range sent {
		field, ok := fields[name]
		if !ok {
			return fmt.Errorf("%s has no field %q; it has %s", operation.OperationID, name,
				strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
		if len(values) > 1 && !field.Value.Type.Is("array") {
			return fmt.Errorf("%s takes one %q, not %d", operation.OperationID, name, len(values))
		}
	}
	return nil
}
