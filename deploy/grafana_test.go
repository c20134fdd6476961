package deploy

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// dashboard is what callstream's own uses of Grafana's model.
type dashboard struct {
	Title  string  `json:"title"`
	UID    string  `json:"uid"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID         int    `json:"id"`
	Type       string `json:"type"`
	Title      string `json:"title"`
	Datasource struct {
		UID string `json:"uid"`
	} `json:"datasource"`
	GridPos struct{ X, Y, W, H int } `json:"gridPos"`
	Targets []struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
	} `json:"targets"`
}

// overlaps says whether two panels lie on each other.
func (p panel) overlaps(q panel) bool {
	a, b := p.GridPos, q.GridPos
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// Every panel asks for metrics that exist, through the data source that the
// viewer has chosen, and lies in a place of its own.
func TestDashboard(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("grafana/callstream.json")
	if err != nil {
		t.Fatal(err)
	}
	var board dashboard
	if err := json.Unmarshal(content, &board); err != nil {
		t.Fatal(err)
	}
	if board.UID == "" || board.Title == "" || len(board.Panels) == 0 {
		t.Fatalf("dashboard %q %q with %d panels", board.UID, board.Title, len(board.Panels))
	}
	for i, p := range board.Panels {
		for _, q := range board.Panels[:i] {
			if p.ID == q.ID || p.overlaps(q) {
				t.Errorf("panels %q and %q are in each other's place", p.Title, q.Title)
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: has no title or nothing to show, or not where it belongs", p.ID, p.Title)
		}
		for _, target := range p.Targets {
			checkExpression(t, p.Title, strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"))
		}
	}
}
