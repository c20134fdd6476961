package console

import "strings"

// place is an entry of the menu.
type place struct {
	path, name, icon string
	permission       string // without which it is not shown
}

// group is a part of the menu under a heading; the first has none.
type group struct {
	name   string
	places []place
}

// menu is every place that there is, in the order in which it is shown.
var menu = []group{
	{"", []place{
		{"/calls", "Calls", "phone", mayRead},
	}},
	{"Operate", []place{
		{"/pipeline", "Pipeline", "workflow", operatorsMay + mayOperate},
		{"/dead-letters", "Dead letters", "mail-warning", mayOperate},
		{"/replays", "Replays", "history", mayOperate},
	}},
	{"Settings → Twilio", []place{
		{"/settings/telephony", "Telephony", "mic", mayRead},
		{"/settings/events", "Event streaming", "webhook", mayRead},
		{"/numbers", "Numbers", "hash", mayRead},
		{"/settings/credentials", "Credentials", "lock", mayRead},
		{"/settings/health", "Account health", "activity", mayRead},
	}},
	{"Administration", []place{
		{"/keys", "API keys", "key-round", mayAdmin},
		{"/audit", "Audit log", "scroll-text", mayAdmin},
		{"/organizations", "Organizations", "building-2", operatorsMay + mayAdmin},
	}},
}

// entry is a place as one visitor sees it.
type entry struct {
	Path, Name, Icon string
	Here             bool // it is the page that is shown, or above it
}

// section is a group as one visitor sees it.
type section struct {
	Name    string
	Entries []entry
}

// menuOf returns what the visitor may go to from path.
func menuOf(who visitor, path string) []section {
	var list []section
	for _, g := range menu {
		s := section{Name: g.name}
		for _, p := range g.places {
			if who.May(p.permission) {
				s.Entries = append(s.Entries, entry{p.path, p.name, p.icon, path == p.path || strings.HasPrefix(path, p.path+"/")})
			}
		}
		if len(s.Entries) > 0 {
			list = append(list, s)
		}
	}
	return list
}
