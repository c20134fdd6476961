package deploy

import (
	"cmp"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"sigs.k8s.io/yaml"
)

// ruleFile is Prometheus' file of rules.
type ruleFile struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func alerts(t *testing.T) []rule {
	t.Helper()
	content, err := os.ReadFile("prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file ruleFile
	if err := yaml.UnmarshalStrict(content, &file); err != nil {
		t.Fatal(err)
	}
	return file.Groups[0].Rules
}

// Every alert asks for metrics that exist, says how bad it is, and has a page.
func TestAlerts(t *testing.T) {
	t.Parallel()
	pages := map[string]bool{}
	files, err := fs.Glob(os.DirFS("runbook"), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(file, ".md"); unicode.IsUpper(rune(name[0])) { // the others are not about an alert
			pages[name] = true
		}
	}
	for _, alert := range alerts(t) {
		checkExpression(t, alert.Alert, alert.Expr)
		if wait, err := model.ParseDuration(cmp.Or(alert.For, "0s")); err != nil {
			t.Errorf("%s: %v", alert.Alert, err)
		} else if alert.Alert == "CallstreamDown" && time.Duration(wait) < stopTime {
			t.Errorf("%s: a rolling restart raises it", alert.Alert)
		}
		if severity := alert.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s: severity %q", alert.Alert, severity)
		}
		if alert.Annotations["summary"] == "" || path.Base(alert.Annotations["runbook_url"]) != alert.Alert+".md" || !pages[alert.Alert] {
			t.Errorf("%s: needs a summary, and its page is %q", alert.Alert, alert.Annotations["runbook_url"])
		}
		delete(pages, alert.Alert)
	}
	for page := range pages {
		t.Errorf("runbook/%s.md is about no alert", page)
	}
}
