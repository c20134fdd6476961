package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/loquent/callstream/schema"
)

// keys is what the page about API keys shows.
type keys struct {
	Keys    []schema.APIKey
	Now     time.Time
	Fresh   string // a key that was just made: it is shown this once
	Of      string // its name
	Typed   schema.APIKey
	Problem *problem
}

// Grants are the permissions that a key may hold, with what they mean.
func (keys) Grants() []choice {
	return []choice{
		{mayRead, "Read", "See calls, transcripts, messages, numbers and settings."},
		{mayPlay, "Play", "Hear and download recordings. Every playback is in the audit log."},
		{mayUpdate, "Update", "Turn recording on and off, change numbers and what becomes of recordings."},
		{mayOperate, "Operate", "See and retry dead letters, run replays."},
		{maySinkCreate, "Set up event streaming", "Have Twilio send its events here."},
		{maySinkDelete, "Remove event streaming", "Have Twilio send them no more."},
		{mayAdmin, "Admin", "Everything, with credentials, keys and the audit log."},
	}
}

// State is where the key stands.
func (k keys) State(key schema.APIKey) string {
	switch {
	case key.RevokedAt != nil:
		return "revoked"
	case key.ExpiresAt != nil && !key.ExpiresAt.After(k.Now):
		return "expired"
	case key.ExpiresAt != nil:
		return "expiring"
	}
	return "active"
}

// keys lists the organization's keys.
func (c *console) keys(v *visit) error { return v.keys(keys{}) }

// keys shows the list with what shown has besides.
func (v *visit) keys(shown keys) error {
	var answer struct{ Keys []schema.APIKey }
	if err := v.get("/api/keys", nil, &answer); err != nil {
		return err
	}
	shown.Keys, shown.Now = answer.Keys, v.console.Clock()
	return v.render(shown.Problem.status(), "keys", "API keys", shown)
}

// createKey makes a key and shows it, this once: a redirect would have to keep
// it somewhere.
func (c *console) createKey(v *visit) error {
	typed := schema.APIKey{Name: v.typed("name"), Permissions: v.r.PostForm["permissions"]}
	switch {
	case typed.Name == "":
		return v.keys(keys{Typed: typed, Problem: amiss("Give the key a name: the audit log names it.")})
	case len(typed.Permissions) == 0:
		return v.keys(keys{Typed: typed, Problem: amiss("Choose at least one thing that the key may do.")})
	}
	var made struct{ Key string }
	err := v.send(http.MethodPost, "/api/keys", map[string]any{"name": typed.Name, "permissions": typed.Permissions}, &made)
	if p := refused(err); p != nil {
		return v.keys(keys{Typed: typed, Problem: p})
	}
	if err != nil {
		return err
	}
	return v.keys(keys{Fresh: made.Key, Of: typed.Name})
}

// rotateKey replaces a key and shows the new one, this once.
func (c *console) rotateKey(v *visit) error {
	hours, err := strconv.Atoi(v.typed("grace_hours"))
	if err != nil {
		return v.keys(keys{Problem: amiss("Choose how long the old key works on.")})
	}
	var made struct{ Key string }
	err = v.send(http.MethodPost, "/api/keys/"+v.r.PathValue("id")+"/rotate", map[string]any{"grace_hours": hours}, &made)
	if p := refused(err); p != nil {
		return v.keys(keys{Problem: p})
	}
	if err != nil {
		return err
	}
	return v.keys(keys{Fresh: made.Key, Of: v.typed("name")})
}

// revokeKey ends a key at once, once its name has been typed.
func (c *console) revokeKey(v *visit) error {
	name := v.typed("name")
	if v.typed("confirm") != name {
		return v.keys(keys{Problem: amiss("To revoke a key, type its name into the field of the question.")})
	}
	err := v.send(http.MethodDelete, "/api/keys/"+v.r.PathValue("id"), nil, nil)
	if p := refused(err); p != nil {
		return v.keys(keys{Problem: p})
	}
	if err != nil {
		return err
	}
	v.notice("The key “%s” is revoked. Whoever uses it is refused from now on.", name)
	return v.redirect("/keys")
}

// Holds reports whether the form's key was to hold the permission.
func (k keys) Holds(permission string) bool {
	for _, p := range k.Typed.Permissions {
		if p == permission {
			return true
		}
	}
	return false
}
