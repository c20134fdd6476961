package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// tidy is how long a check may go on after its time to clean up and to say what
// it was waiting for. After that nobody listens to it any more.
const tidy = time.Second

// topic is a check's name, under which its findings are told.
type topic string

func (t topic) ok(detail string, args ...any) schema.Finding {
	return schema.Finding{Check: string(t), Severity: schema.SeverityOK, Detail: fmt.Sprintf(detail, args...)}
}

func (t topic) warning(advice, detail string, args ...any) schema.Finding {
	return schema.Finding{Check: string(t), Severity: schema.SeverityWarning, Detail: fmt.Sprintf(detail, args...), Advice: advice}
}

func (t topic) failed(advice, detail string, args ...any) schema.Finding {
	return schema.Finding{Check: string(t), Severity: schema.SeverityFailed, Detail: fmt.Sprintf(detail, args...), Advice: advice}
}

// check is one dependency's turn.
type check struct {
	topic topic // of the finding when the dependency lets no other be made
	of    string
	limit time.Duration
	run   func(ctx context.Context) []schema.Finding
}

// examine runs the checks at once and yields what they find in their order. It
// returns when all are over, and yields nothing more once ctx has ended.
func examine(ctx context.Context, checks []check, yield func(schema.Finding)) {
	outcomes := make([]chan []schema.Finding, len(checks))
	for i, c := range checks {
		outcomes[i] = make(chan []schema.Finding, 1)
		go func() { outcomes[i] <- c.result(ctx) }()
	}
	for _, outcome := range outcomes {
		findings := <-outcome // even when interrupted: what the check made is removed first
		if ctx.Err() != nil {
			continue
		}
		for _, f := range findings {
			yield(f)
		}
	}
}

// result runs the check within its limit. Whether a dependency's client obeys
// its context is the client's business, so nobody waits for run itself.
func (c check) result(ctx context.Context) []schema.Finding {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	answer := make(chan []schema.Finding, 1)
	go func() { answer <- c.run(ctx) }()
	select {
	case findings := <-answer:
		return timed(findings, time.Since(began))
	case <-ctx.Done():
	}
	select {
	case findings := <-answer:
		return timed(findings, time.Since(began))
	case <-time.After(tidy):
	}
	return timed([]schema.Finding{c.topic.failed(
		"See whether it is overloaded or cut off from this machine; whatever waits for it in callstream waits too.",
		"%s did not answer within %s.", c.of, c.limit,
	)}, time.Since(began))
}

// timed gives the check's time to the findings that have none of their own.
func timed(findings []schema.Finding, took time.Duration) []schema.Finding {
	for i := range findings {
		if findings[i].Took == 0 {
			findings[i].Took = took
		}
	}
	return findings
}

// one is a check that comes to a single finding.
func one(run func(ctx context.Context) schema.Finding) func(context.Context) []schema.Finding {
	return func(ctx context.Context) []schema.Finding { return []schema.Finding{run(ctx)} }
}

// maxWhy is how much of an error is shown, in runes.
const maxWhy = 400

// why is an error as the end of a sentence that goes on after it.
func why(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if runes := []rune(text); len(runes) > maxWhy {
		text = string(runes[:maxWhy]) + "…"
	}
	return strings.TrimRight(text, ".:; ")
}

// maxNamed is how many of a long list a finding names.
const maxNamed = 5

// named lists the first few and says how many more there are.
func named(all []string) string {
	if len(all) <= maxNamed {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:maxNamed], ", "), len(all)-maxNamed)
}
