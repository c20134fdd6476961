package bench

import (
	"context"
	"fmt"
	"slices"
)

// contestant is one that takes turns.
type contestant struct {
	name  string
	round func(ctx context.Context, warmup bool) (float64, error) // its figure in one round
}

// contest lets the contestants take turns and returns each one's figures, in
// the order of its rounds. A first round each does not count.
func (b *bench) contest(ctx context.Context, rounds int, contestants ...contestant) ([]series, error) {
	results := make([]series, len(contestants))
	for round := range rounds + 1 {
		for i, c := range contestants {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			value, err := c.round(ctx, round == 0)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			b.log.Info("round", "of", c.name, "round", round, "figure", number(value))
			if round > 0 {
				results[i] = append(results[i], value)
			}
		}
	}
	return results, nil
}

// series is one contestant's figures.
type series []float64

func (s series) median() float64 { return s.quantile(0.5) }

// quantile returns the value below which q of the figures lie, 0 for none.
func (s series) quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// spread is how far the rounds lie apart, as a share of their median.
func (s series) spread() float64 {
	if len(s) < 2 || s.median() == 0 {
		return 0
	}
	return (slices.Max(s) - slices.Min(s)) / s.median()
}

// over returns the median of the ratios to other, round by round: what slows a
// round of both leaves it as it is.
func (s series) over(other series) float64 {
	var ratios series
	for i := range min(len(s), len(other)) {
		if other[i] != 0 {
			ratios = append(ratios, s[i]/other[i])
		}
	}
	return ratios.median()
}

// against makes the figure of a contest with a limit.
func against(name, unit string, s, limit series, limitOf string) Figure {
	return Figure{
		Name: name, Unit: unit, Value: s.median(), Spread: s.spread(),
		Limit: limit.median(), LimitOf: limitOf, Ratio: s.over(limit),
	}
}

// alone makes a figure without a limit.
func alone(name, unit string, s series) Figure {
	return Figure{Name: name, Unit: unit, Value: s.median(), Spread: s.spread()}
}
