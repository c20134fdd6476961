package ingress

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// VoicePlans says how calls to an organization's numbers are answered: nil for a
// number without a plan, [schema.NotFound] for one that is not its own.
type VoicePlans interface {
	VoicePlan(ctx context.Context, organizationID, number string) (*schema.VoicePlan, error)
}

// planKey is a number of an organization.
type planKey struct{ organizationID, number string }

func (k planKey) String() string {
	return "number " + k.number + " of organization " + k.organizationID
}

// plans holds voice plans for when the database is away. While it is there each
// call asks it: a plan that was just made answers the next call.
type plans = cache[planKey, *schema.VoicePlan]

func newPlans(source VoicePlans, clock func() time.Time) *plans {
	return newCache(0, clock, func(ctx context.Context, key planKey) (*schema.VoicePlan, error) {
		return source.VoicePlan(ctx, key.organizationID, key.number)
	})
}

// plan returns the plan of the first of the numbers that has one, nil where none
// has. The error says why a plan may be missing; there may be a plan beside it.
func (i *Ingress) plan(ctx context.Context, org string, numbers []string) (found *schema.VoicePlan, problem error) {
	ctx, cancel := context.WithTimeout(ctx, i.voicePatience())
	defer cancel()
	for _, number := range numbers {
		plan, _, err := i.plans.find(ctx, planKey{org, number})
		switch {
		case schema.CodeOf(err) == schema.NotFound:
			continue
		case err == nil && plan == nil:
			continue
		case err == nil:
			err = plan.Validate()
		}
		if err == nil {
			return plan, problem
		}
		problem = errors.Join(problem, err)
	}
	return nil, problem
}

// fallbackOf returns where the URL itself wants calls forwarded when nothing
// else is known, as a number, sip: or client: address; false: nowhere.
func fallbackOf(r *http.Request) (schema.VoicePlan, bool) {
	to := r.URL.Query().Get("fallback")
	if number, ok := strings.CutPrefix(to, " "); ok { // a plus sign that nobody escaped
		to = "+" + number
	}
	return schema.VoicePlan{Action: schema.VoiceForward, To: to}, schema.Dialable(to)
}
