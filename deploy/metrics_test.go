package deploy

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	promql "github.com/prometheus/prometheus/promql/parser"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/telemetry"
)

// metric is one that the code exposes.
type metric struct {
	histogram bool
	labels    []string
}

// Where a series comes from is told by Prometheus itself, and by the chart's
// ServiceMonitor.
var scrapeLabels = []string{"job", "instance", "role", "namespace", "pod"}

// exposed returns every metric of callstream's, read from the declarations in
// its code: a counter by label is in no scrape before it has counted.
var exposed = sync.OnceValues(func() (map[string]metric, error) {
	found := map[string]metric{"up": {}}
	families, err := telemetry.NewRegistry().Gather()
	if err != nil {
		return nil, err
	}
	for _, family := range families {
		found[family.GetName()] = metric{}
	}
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok && len(call.Args) > 0 {
				if name, m, ok := declaration(call); ok {
					found[name] = m
				}
			}
			return true
		})
		return nil
	})
	return found, err
})

// declaration reads NewCounterVec(prometheus.CounterOpts{Name: "name"},
// []string{"label"}) and its relatives, and prometheus.NewDesc("name", help,
// []string{"label"}, nil).
func declaration(call *ast.CallExpr) (name string, m metric, ok bool) {
	if selector, is := call.Fun.(*ast.SelectorExpr); is && selector.Sel.Name == "NewDesc" && len(call.Args) == 4 {
		return text(call.Args[0]), metric{labels: texts(call.Args[2])}, true
	}
	options, is := call.Args[0].(*ast.CompositeLit)
	if !is {
		return "", metric{}, false
	}
	kind, is := options.Type.(*ast.SelectorExpr)
	if !is || !strings.HasSuffix(kind.Sel.Name, "Opts") {
		return "", metric{}, false
	}
	m.histogram = kind.Sel.Name == "HistogramOpts"
	for _, element := range options.Elts {
		if pair, is := element.(*ast.KeyValueExpr); is && fmt.Sprint(pair.Key) == "Name" {
			name = text(pair.Value)
		}
	}
	if len(call.Args) > 1 {
		m.labels = texts(call.Args[1])
	}
	return name, m, strings.HasPrefix(name, "callstream_")
}

func text(e ast.Expr) string {
	if literal, ok := e.(*ast.BasicLit); ok {
		value, _ := strconv.Unquote(literal.Value)
		return value
	}
	return ""
}

func texts(e ast.Expr) (all []string) {
	if list, ok := e.(*ast.CompositeLit); ok {
		for _, element := range list.Elts {
			all = append(all, text(element))
		}
	}
	return all
}

// checkExpression parses a query and checks that its metrics exist, with the
// labels by which it selects and groups.
func checkExpression(t *testing.T, where, query string) {
	t.Helper()
	metrics, err := exposed()
	if err != nil {
		t.Fatal(err)
	}
	expression, err := promql.NewParser(promql.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	labels := slices.Clone(scrapeLabels)
	promql.Inspect(expression, func(node promql.Node, _ []promql.Node) error {
		selector, ok := node.(*promql.VectorSelector)
		if !ok {
			return nil
		}
		m, ok := metrics[selector.Name]
		if base, suffix, cut := histogram(selector.Name); !ok && cut {
			if m, ok = metrics[base]; ok && !m.histogram {
				t.Errorf("%s: %s is no histogram, and has no %s", where, base, suffix)
			}
			m.labels = append(slices.Clone(m.labels), "le")
		} else if m.histogram {
			t.Errorf("%s: %s is a histogram, which has a _bucket, a _sum and a _count", where, selector.Name)
		}
		if !ok {
			t.Errorf("%s: there is no metric %s", where, selector.Name)
		}
		labels = append(labels, m.labels...)
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name != "__name__" && !slices.Contains(append(m.labels, scrapeLabels...), matcher.Name) {
				t.Errorf("%s: %s has no label %s, it has %v", where, selector.Name, matcher.Name, m.labels)
			}
			if matcher.Name == "consumer" && !slices.ContainsFunc(consumers.Names(), matcher.Matches) {
				t.Errorf("%s: no consumer is called %s", where, matcher.Value)
			}
		}
		return nil
	})
	promql.Inspect(expression, func(node promql.Node, _ []promql.Node) error {
		if aggregate, ok := node.(*promql.AggregateExpr); ok {
			for _, by := range aggregate.Grouping {
				if !slices.Contains(labels, by) {
					t.Errorf("%s: groups by %s, which no metric in it has", where, by)
				}
			}
		}
		return nil
	})
}

// histogram splits the name of a histogram's series.
func histogram(name string) (base, suffix string, ok bool) {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			return base, suffix, true
		}
	}
	return name, "", false
}

// What a dashboard or an alert may name is read from the code, so the reading
// is under test too.
func TestMetricsOfTheCode(t *testing.T) {
	t.Parallel()
	metrics, err := exposed()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]metric{
		"callstream_messages_total":        {labels: []string{"consumer", "outcome"}},
		"callstream_publish_seconds":       {histogram: true},
		"callstream_archived_bytes_total":  {},
		"callstream_ingress_seconds":       {histogram: true, labels: []string{"route"}},
		"process_start_time_seconds":       {},
		"callstream_ingress_reqests_total": {},
	} {
		got, ok := metrics[name]
		if misspelled := strings.Contains(name, "reqests"); ok == misspelled {
			t.Errorf("%s: found %v", name, ok)
		}
		if got.histogram != want.histogram || cmp.Compare(strings.Join(got.labels, " "), strings.Join(want.labels, " ")) != 0 {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
