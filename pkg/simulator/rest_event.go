package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// sinkEntry is a sink as it stands, or its end.
type sinkEntry struct {
	SID         string    `json:"sid"`
	Gone        bool      `json:"gone,omitempty"`
	Description string    `json:"description,omitempty"`
	Type        string    `json:"type,omitempty"`
	Destination string    `json:"destination,omitempty"`
	Method      string    `json:"method,omitempty"`
	Created     time.Time `json:"created,omitzero"`
}

// subscriptionEntry is a subscription as it stands, or its end.
type subscriptionEntry struct {
	SID         string           `json:"sid"`
	Gone        bool             `json:"gone,omitempty"`
	SinkSID     string           `json:"sink_sid,omitempty"`
	Description string           `json:"description,omitempty"`
	Types       []subscribedType `json:"types,omitempty"`
	Created     time.Time        `json:"created,omitzero"`
}

// subscribedType is an event type of a subscription.
type subscribedType struct {
	Type    string `json:"type"`
	Version int    `json:"schema_version"`
}

// eventEndpoints are the operations of events.twilio.com.
var eventEndpoints = []endpoint{
	{"POST", "/v1/Sinks", []string{"Description", "SinkConfiguration", "SinkType"}, (*Simulator).createSink},
	{"GET", "/v1/Sinks", append([]string{"InUse", "Status"}, paging...), (*Simulator).listSinks},
	{"GET", "/v1/Sinks/{sid}", nil, (*Simulator).fetchSink},
	{"POST", "/v1/Sinks/{sid}", []string{"Description"}, (*Simulator).updateSink},
	{"DELETE", "/v1/Sinks/{sid}", nil, (*Simulator).deleteSink},
	{"POST", "/v1/Sinks/{sid}/Test", nil, (*Simulator).testSink},
	{"POST", "/v1/Subscriptions", []string{"Description", "SinkSid", "Types"}, (*Simulator).createSubscription},
	{"GET", "/v1/Subscriptions", append([]string{"SinkSid"}, paging...), (*Simulator).listSubscriptions},
	{"GET", "/v1/Subscriptions/{sid}", nil, (*Simulator).fetchSubscription},
	{"POST", "/v1/Subscriptions/{sid}", []string{"Description", "SinkSid"}, (*Simulator).updateSubscription},
	{"DELETE", "/v1/Subscriptions/{sid}", nil, (*Simulator).deleteSubscription},
	{"GET", "/v1/Subscriptions/{sid}/SubscribedEvents", paging, (*Simulator).listSubscribed},
	{"POST", "/v1/Subscriptions/{sid}/SubscribedEvents", []string{"Type", "SchemaVersion"}, (*Simulator).addSubscribed},
	{"GET", "/v1/Subscriptions/{sid}/SubscribedEvents/{type}", nil, (*Simulator).fetchSubscribed},
	{"POST", "/v1/Subscriptions/{sid}/SubscribedEvents/{type}", []string{"SchemaVersion"}, (*Simulator).changeSubscribed},
	{"DELETE", "/v1/Subscriptions/{sid}/SubscribedEvents/{type}", nil, (*Simulator).removeSubscribed},
	{"GET", "/v1/Types", append([]string{"SchemaId"}, paging...), (*Simulator).listTypes},
	{"GET", "/v1/Types/{type}", nil, (*Simulator).fetchType},
}

// sinkConfiguration is a webhook sink's configuration.
type sinkConfiguration struct {
	Destination string `json:"destination"`
	Method      string `json:"method"`
	BatchEvents bool   `json:"batch_events"`
}

func (s *Simulator) createSink(r *request) (reply, error) {
	var configuration sinkConfiguration
	err := json.Unmarshal([]byte(r.params.Get("SinkConfiguration")), &configuration)
	u, urlErr := url.Parse(configuration.Destination)
	if r.params.Get("SinkType") != schema.SinkWebhook || err != nil || urlErr != nil || u.Host == "" {
		return reply{}, refuse(http.StatusBadRequest, 91000, "Invalid sink configuration")
	}
	if r.params.Get("Description") == "" {
		return reply{}, refuse(http.StatusBadRequest, 91101, "Missing required input parameter description")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sinks.order) >= 100 {
		return reply{}, refuse(http.StatusBadRequest, 91003, "The account has 100 sinks already")
	}
	sink := &sinkEntry{
		SID: randomSID(schema.SinkPrefix), Description: r.params.Get("Description"), Type: schema.SinkWebhook,
		Destination: configuration.Destination, Method: orDefault(strings.ToUpper(configuration.Method), http.MethodPost),
		Created: r.now.UTC(),
	}
	if err := s.commit(entry{Sink: sink}); err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, showSink(r, sink)}, nil
}

func showSink(r *request, sink *sinkEntry) map[string]any {
	path := origin(r) + "/v1/Sinks/" + sink.SID
	return map[string]any{
		"sid": sink.SID, "description": sink.Description, "sink_type": sink.Type, "status": schema.SinkActive,
		"sink_configuration": sinkConfiguration{Destination: sink.Destination, Method: sink.Method},
		"date_created":       sink.Created.Format(time.RFC3339), "date_updated": sink.Created.Format(time.RFC3339), "url": path,
		"links": map[string]string{"sink_test": path + "/Test", "sink_validate": path + "/Validate"},
	}
}

// origin is the address that the request came to.
func origin(r *request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Simulator) listSinks(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var chosen []*sinkEntry
	for _, sink := range s.sinks.all() {
		inUse := r.params.Get("InUse")
		if (inUse == "" || (inUse == "true") == s.inUse(sink.SID)) &&
			(r.params.Get("Status") == "" || r.params.Get("Status") == schema.SinkActive) {
			chosen = append(chosen, sink)
		}
	}
	return eventPage(r, "sinks", chosen, func(sink *sinkEntry) string { return listKey(sink.Created, sink.SID) },
		func(sink *sinkEntry) any { return showSink(r, sink) })
}

// inUse reports whether a subscription has the sink. The caller holds mu.
func (s *Simulator) inUse(sinkSID string) bool {
	return slices.ContainsFunc(s.subscriptions.all(), func(sub *subscriptionEntry) bool { return sub.SinkSID == sinkSID })
}

// findSink finds the path's sink. The caller holds mu.
func (s *Simulator) findSink(r *request) (*sinkEntry, error) {
	sink, ok := s.sinks.items[r.PathValue("sid")]
	if !ok {
		return nil, refuse(http.StatusNotFound, 20404, "The requested resource %s was not found", r.URL.Path)
	}
	return sink, nil
}

func (s *Simulator) fetchSink(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sink, err := s.findSink(r)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, showSink(r, sink)}, nil
}

func (s *Simulator) updateSink(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sink, err := s.findSink(r)
	if err != nil {
		return reply{}, err
	}
	changed := *sink
	changed.Description = r.params.Get("Description")
	if err := s.commit(entry{Sink: &changed}); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, showSink(r, &changed)}, nil
}

func (s *Simulator) deleteSink(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sink, err := s.findSink(r)
	if err != nil {
		return reply{}, err
	}
	if s.inUse(sink.SID) {
		return reply{}, refuse(http.StatusBadRequest, 91007, "Sink with SID %s is in use", sink.SID)
	}
	if err := s.commit(entry{Sink: &sinkEntry{SID: sink.SID, Gone: true}}); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

// testSink sends the test event, which arrives some time after the answer.
func (s *Simulator) testSink(r *request) (reply, error) {
	s.mu.Lock()
	sink, err := s.findSink(r)
	s.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	event := envelope(s.config.AccountSID, testEvent, "Sink", schemaTest, r.now,
		map[string]string{"test_id": randomSID("")}, false)
	body := mustJSON([]cloudEvent{event})
	destination := sink.Destination
	s.tests.Go(func() { s.sendTest(destination, body) })
	return reply{http.StatusCreated, map[string]string{"result": "submitted"}}, nil
}

// sendTest tries a few times; a test that does not arrive is what it tells.
func (s *Simulator) sendTest(destination string, body []byte) {
	for attempt := range 5 {
		if s.postEvents(s.background, destination, body).accepted() ||
			!sleep(s.background, backoff(attempt, newDice(s.config.Seed, destination))) {
			return
		}
	}
}

// eventPage is the frame of events.twilio.com's lists.
func eventPage[T any](r *request, name string, items []T, key func(T) string, show func(T) any) (reply, error) {
	p, err := cutPage(r, items, key)
	if err != nil {
		return reply{}, err
	}
	meta := map[string]any{
		"key": name, "page": p.number, "page_size": p.size, "url": origin(r) + r.URL.RequestURI(),
		"first_page_url": origin(r) + pageURI(r, p.size, 0, ""), "next_page_url": nil, "previous_page_url": nil,
	}
	if p.next != "" {
		meta["next_page_url"] = origin(r) + pageURI(r, p.size, p.number+1, p.next)
	}
	return reply{http.StatusOK, map[string]any{name: showAll(p.items, show), "meta": meta}}, nil
}
