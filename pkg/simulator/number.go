package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// numberEntry is one of the account's telephone numbers as it is set up. The
// journal has those that requests have changed.
type numberEntry struct {
	SID          string `json:"sid"`
	Number       string `json:"number"`
	Name         string `json:"name,omitempty"`
	VoiceURL     string `json:"voice_url,omitempty"`
	VoiceMethod  string `json:"voice_method,omitempty"`
	StatusURL    string `json:"status_url,omitempty"`
	StatusMethod string `json:"status_method,omitempty"`
	TrunkSID     string `json:"trunk_sid,omitempty"`
}

// numberEndpoints are the operations on telephone numbers. Of an update's
// parameters only those are taken that a number of the simulator's has.
var numberEndpoints = []endpoint{
	{
		"GET", "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json",
		append([]string{"FriendlyName", "PhoneNumber", "Beta", "Origin"}, paging...),
		(*Simulator).listNumbers,
	},
	{"GET", "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{file}", nil, (*Simulator).fetchNumber},
	{
		"POST", "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{file}",
		[]string{"FriendlyName", "VoiceUrl", "VoiceMethod", "StatusCallback", "StatusCallbackMethod", "TrunkSid"},
		(*Simulator).updateNumber,
	},
}

// numbersOf are the account's numbers as the configuration sets them up: those
// that answer calls ask the voice URL.
func numbersOf(config Config) (all table[*numberEntry]) {
	for _, number := range config.Numbers {
		n := &numberEntry{
			SID: newSID(newDice(0, "number", config.AccountSID, number), schema.NumberPrefix), Number: number, Name: number,
			VoiceMethod: http.MethodPost, StatusMethod: http.MethodPost,
		}
		if len(config.VoiceNumbers) == 0 || slices.Contains(config.VoiceNumbers, number) {
			n.VoiceURL = config.VoiceURL
		}
		all.put(n.SID, n, false)
	}
	return all
}

// numberAt finds a number by its digits, nil where the account has none such.
func (s *state) numberAt(number string) *numberEntry {
	for _, n := range s.numbers.all() {
		if n.Number == number {
			return n
		}
	}
	return nil
}

func (s *Simulator) showNumber(n *numberEntry) map[string]any {
	return map[string]any{
		"sid": n.SID, "account_sid": s.config.AccountSID, "phone_number": n.Number, "friendly_name": n.Name,
		"voice_url": optional(n.VoiceURL), "voice_method": n.VoiceMethod, "voice_fallback_url": nil, "voice_application_sid": nil,
		"voice_caller_id_lookup": false, "status_callback": optional(n.StatusURL), "status_callback_method": n.StatusMethod,
		"trunk_sid": optional(n.TrunkSID), "sms_url": nil, "sms_method": "POST", "api_version": apiVersion, "beta": false,
		"origin": "twilio", "status": "in-use", "address_requirements": "none",
		"capabilities": map[string]bool{"voice": true, "sms": true, "mms": false, "fax": false},
		"date_created": accountCreated, "date_updated": accountCreated,
		"uri": accountPath(s.config.AccountSID) + "/IncomingPhoneNumbers/" + n.SID + ".json",
	}
}

func (s *Simulator) listNumbers(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chosen := slices.DeleteFunc(s.numbers.all(), func(n *numberEntry) bool {
		name, part := r.params.Get("FriendlyName"), r.params.Get("PhoneNumber")
		return (name != "" && n.Name != name) || !strings.Contains(n.Number, part) || r.params.Get("Beta") == "true"
	})
	return apiPage(r, "incoming_phone_numbers", chosen, func(n *numberEntry) string { return n.SID },
		func(n *numberEntry) any { return s.showNumber(n) })
}

// findNumber finds the path's number. The caller holds mu.
func (s *Simulator) findNumber(r *request) (*numberEntry, error) {
	n, ok := s.numbers.items[strings.TrimSuffix(r.PathValue("file"), ".json")]
	if !ok {
		return nil, notFound(r.Request)
	}
	return n, nil
}

func (s *Simulator) fetchNumber(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.findNumber(r)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.showNumber(n)}, nil
}

func (s *Simulator) updateNumber(r *request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.findNumber(r)
	if err != nil {
		return reply{}, err
	}
	changed := *n
	for name, field := range map[string]*string{
		"FriendlyName": &changed.Name, "VoiceUrl": &changed.VoiceURL, "VoiceMethod": &changed.VoiceMethod,
		"StatusCallback": &changed.StatusURL, "StatusCallbackMethod": &changed.StatusMethod, "TrunkSid": &changed.TrunkSID,
	} {
		if r.params.Has(name) {
			*field = r.params.Get(name)
		}
	}
	if err := changed.check(); err != nil {
		return reply{}, err
	}
	if err := s.commit(entry{Number: &changed}); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.showNumber(&changed)}, nil
}

// check refuses addresses and methods that Twilio could not use.
func (n *numberEntry) check() error {
	for name, address := range map[string]string{"VoiceUrl": n.VoiceURL, "StatusCallback": n.StatusURL} {
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http")) {
			return refuse(http.StatusBadRequest, 21502, "%s is not valid: %s", name, address)
		}
	}
	for name, method := range map[string]string{"VoiceMethod": n.VoiceMethod, "StatusCallbackMethod": n.StatusMethod} {
		if method != http.MethodGet && method != http.MethodPost {
			return refuse(http.StatusBadRequest, 21403, "%s is not valid: %s", name, method)
		}
	}
	return nil
}
