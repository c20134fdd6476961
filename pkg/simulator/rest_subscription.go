package simulator

import (
	cryptorand "crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/loquent/callstream/schema"
)

// destinations are where a batch goes: to every sink that is subscribed to one
// of its types. While no subscription asks for anything of its kind, it goes
// where the pipeline's own set-up would have it: a simulator need not be set up
// to be useful.
func (s *Simulator) destinations(d delivery) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	asked := false
	for _, sub := range s.subscriptions.all() {
		sink, ok := s.sinks.items[sub.SinkSID]
		if !ok {
			continue
		}
		asked = asked || slices.ContainsFunc(sub.Types, func(t subscribedType) bool { return kindOf(t.Type) == d.kind })
		if slices.ContainsFunc(d.events, func(e cloudEvent) bool { return sub.has(presentType(e.Type)) }) {
			found = append(found, sink.Destination)
		}
	}
	if asked {
		return found
	}
	return []string{s.config.Target + "/twilio/events?org=" + s.config.OrganizationID + "&kind=" + d.kind}
}

// has reports whether the subscription has the type, in any of its spellings.
func (e *subscriptionEntry) has(eventType string) bool {
	return slices.ContainsFunc(e.Types, func(t subscribedType) bool { return presentType(t.Type) == eventType })
}

func (s *Simulator) createSubscription(r *request) (reply, error) {
	types, err := s.readTypes(r.params["Types"])
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sinkSID := r.params.Get("SinkSid")
	if _, ok := s.sinks.items[sinkSID]; !ok {
		return reply{}, refuse(http.StatusBadRequest, 91001, "Sink with SID %s not found", sinkSID)
	}
	if s.inUse(sinkSID) {
		return reply{}, refuse(http.StatusBadRequest, 91007, "Sink with SID %s is in use", sinkSID)
	}
	if r.params.Get("Description") == "" {
		return reply{}, refuse(http.StatusBadRequest, 91101, "Missing required input parameter description")
	}
	sub := &subscriptionEntry{
		SID: randomSID(schema.SubscriptionPrefix), SinkSID: sinkSID, Description: r.params.Get("Description"),
		Types: types, Created: r.now.UTC(),
	}
	if err := s.commit(entry{Subscription: sub}); err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, s.showSubscription(r, sub)}, nil
}

// readTypes reads the repeated Types, each value one JSON object.
func (s *Simulator) readTypes(values []string) ([]subscribedType, error) {
	if len(values) == 0 {
		return nil, refuse(http.StatusBadRequest, 91103, "Missing required input parameter event_types")
	}
	var types []subscribedType
	for _, value := range values {
		var t subscribedType
		if err := json.Unmarshal([]byte(value), &t); err != nil || t.Type == "" {
			return nil, refuse(http.StatusBadRequest, 91103, "Missing required input parameter event_types[%d].type", len(types))
		}
		if err := s.checkType(t.Type); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(types, func(other subscribedType) bool { return other.Type == t.Type }) {
			return nil, refuse(http.StatusBadRequest, 91101, "Duplicate event type %s", t.Type)
		}
		t.Version = orDefault(t.Version, 1)
		types = append(types, t)
	}
	return types, nil
}

func (s *Simulator) showSubscription(r *request, sub *subscriptionEntry) map[string]any {
	path := origin(r) + "/v1/Subscriptions/" + sub.SID
	return map[string]any{
		"sid": sub.SID, "account_sid": s.config.AccountSID, "sink_sid": sub.SinkSID, "description": sub.Description,
		"date_created": sub.Created.Format(time.RFC3339), "date_updated": sub.Created.Format(time.RFC3339), "url": path,
		"links": map[string]string{"subscribed_events": path + "/SubscribedEvents"},
	}
}

func (s *Simulator) listSubscriptions(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chosen := s.subscriptions.all()
	if sid := r.params.Get("SinkSid"); sid != "" {
		chosen = slices.DeleteFunc(chosen, func(sub *subscriptionEntry) bool { return sub.SinkSID != sid })
	}
	return eventPage(r, "subscriptions", chosen, func(sub *subscriptionEntry) string { return listKey(sub.Created, sub.SID) },
		func(sub *subscriptionEntry) any { return s.showSubscription(r, sub) })
}

// findSubscription finds the path's subscription. The caller holds mu.
func (s *Simulator) findSubscription(r *request) (*subscriptionEntry, error) {
	sub, ok := s.subscriptions.items[r.PathValue("sid")]
	if !ok {
		return nil, refuse(http.StatusNotFound, 20404, "The requested resource %s was not found", r.URL.Path)
	}
	return sub, nil
}

func (s *Simulator) fetchSubscription(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.findSubscription(r)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.showSubscription(r, sub)}, nil
}

// changeSubscription replaces a subscription by a changed copy. The caller
// holds mu.
func (s *Simulator) changeSubscription(r *request, change func(*subscriptionEntry) error) (*subscriptionEntry, error) {
	sub, err := s.findSubscription(r)
	if err != nil {
		return nil, err
	}
	changed := *sub
	changed.Types = slices.Clone(sub.Types)
	if err := change(&changed); err != nil {
		return nil, err
	}
	return &changed, s.commit(entry{Subscription: &changed})
}

func (s *Simulator) updateSubscription(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.changeSubscription(r, func(sub *subscriptionEntry) error {
		sub.Description = orDefault(r.params.Get("Description"), sub.Description)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.showSubscription(r, sub)}, nil
}

func (s *Simulator) deleteSubscription(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.findSubscription(r)
	if err != nil {
		return reply{}, err
	}
	if err := s.commit(entry{Subscription: &subscriptionEntry{SID: sub.SID, Gone: true}}); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func (s *Simulator) showSubscribed(r *request, sub *subscriptionEntry, t subscribedType) map[string]any {
	return map[string]any{
		"account_sid": s.config.AccountSID, "subscription_sid": sub.SID, "type": t.Type, "schema_version": t.Version,
		"url": origin(r) + "/v1/Subscriptions/" + sub.SID + "/SubscribedEvents/" + t.Type,
	}
}

func (s *Simulator) listSubscribed(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.findSubscription(r)
	if err != nil {
		return reply{}, err
	}
	return eventPage(r, "types", slices.Clone(sub.Types), func(t subscribedType) string { return t.Type },
		func(t subscribedType) any { return s.showSubscribed(r, sub, t) })
}

func (s *Simulator) addSubscribed(r *request) (reply, error) {
	added := subscribedType{Type: r.params.Get("Type")}
	if err := s.checkType(added.Type); err != nil {
		return reply{}, err
	}
	return s.setSubscribed(r, added, http.StatusCreated)
}

func (s *Simulator) changeSubscribed(r *request) (reply, error) {
	return s.setSubscribed(r, subscribedType{Type: r.PathValue("type")}, http.StatusOK)
}

// setSubscribed adds a type to the path's subscription (201), or changes the
// version of one that it has (200).
func (s *Simulator) setSubscribed(r *request, t subscribedType, status int) (reply, error) {
	t.Version, _ = strconv.Atoi(orDefault(r.params.Get("SchemaVersion"), "1"))
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.changeSubscription(r, func(sub *subscriptionEntry) error {
		i := slices.IndexFunc(sub.Types, func(other subscribedType) bool { return other.Type == t.Type })
		switch {
		case i < 0 && status == http.StatusOK:
			return notFound(r.Request)
		case i < 0:
			sub.Types = append(sub.Types, t)
		case status == http.StatusCreated:
			return refuse(http.StatusBadRequest, 91101, "Duplicate event type %s", t.Type)
		default:
			sub.Types[i] = t
		}
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status, s.showSubscribed(r, sub, t)}, nil
}

func (s *Simulator) fetchSubscribed(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.findSubscription(r)
	if err != nil {
		return reply{}, err
	}
	for _, t := range sub.Types {
		if t.Type == r.PathValue("type") {
			return reply{http.StatusOK, s.showSubscribed(r, sub, t)}, nil
		}
	}
	return reply{}, notFound(r.Request)
}

func (s *Simulator) removeSubscribed(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.changeSubscription(r, func(sub *subscriptionEntry) error {
		before := len(sub.Types)
		sub.Types = slices.DeleteFunc(sub.Types, func(t subscribedType) bool { return t.Type == r.PathValue("type") })
		switch len(sub.Types) {
		case before:
			return notFound(r.Request)
		case 0:
			return refuse(http.StatusBadRequest, 91103, "A subscription needs at least one event type")
		}
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

// randomSID names what a request creates, which no seed can foresee.
func randomSID(prefix string) string {
	var digits [16]byte
	_, _ = cryptorand.Read(digits[:]) // It never fails.
	return prefix + hex.EncodeToString(digits[:])
}
