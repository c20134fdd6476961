package console

import (
	"net/http"

	"github.com/loquent/callstream/schema"
)

// credentials is what the page about the Twilio account shows. Tokens are in
// none of its fields: they go in and never come out.
type credentials struct {
	Missing  bool // there is no Twilio account yet
	Settings schema.Settings
	Problem  *problem
}

// credentials shows which account callstream uses.
func (c *console) credentials(v *visit) error { return v.credentials(nil, nil) }

// credentials shows the page, with what was typed but for tokens, and what was
// wrong with it.
func (v *visit) credentials(typed map[string]any, wrong *problem) error {
	shown := credentials{Problem: wrong}
	err := v.get("/api/twilio/settings", nil, &shown.Settings)
	if problemOf(err, http.StatusNotFound) != nil {
		shown.Missing, err = true, nil
	}
	if err != nil {
		return err
	}
	for name, field := range map[string]*string{"account_sid": &shown.Settings.AccountSID, "region": &shown.Settings.Region, "edge": &shown.Settings.Edge} {
		if text, ok := typed[name].(string); ok {
			*field = text
		}
	}
	return v.render(wrong.status(), "credentials", "Twilio credentials", shown)
}

// changeCredentials stores what the form changes. An empty token field leaves
// the token as it is.
func (c *console) changeCredentials(v *visit) error {
	var stored schema.Settings
	err := v.get("/api/twilio/settings", nil, &stored)
	if err != nil && problemOf(err, http.StatusNotFound) == nil {
		return err
	}
	change := map[string]any{}
	for name, held := range map[string]string{"account_sid": stored.AccountSID, "region": stored.Region, "edge": stored.Edge} {
		if text := v.typed(name); text != held {
			change[name] = text
		}
	}
	for _, name := range []string{"auth_token", "secondary_auth_token"} {
		if token := v.typed(name); token != "" {
			change[name] = token
		}
	}
	if v.r.PostFormValue("remove_secondary") == "true" {
		change["secondary_auth_token"] = ""
	}
	if len(change) == 0 {
		return v.credentials(nil, amiss("Nothing was changed. Enter what is to be different, then save."))
	}
	err = v.send(http.MethodPatch, "/api/twilio/settings", change, nil)
	if p := refused(err); p != nil {
		return v.credentials(change, p)
	}
	if err != nil {
		return err
	}
	v.notice("Saved: Twilio accepts these credentials.")
	return v.redirect("/settings/credentials")
}
