package calls

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// Plan returns what HandleBatch would change in the call's row, and whether it
// would store a decision. Lines of the timeline, and news that would wait for a
// row, are no change.
func (c *Consumer) Plan(ctx context.Context, d stream.Delivery) (schema.Plan, error) {
	n, err := read(d)
	if err != nil {
		return schema.Plan{}, err
	}
	resolutions, err := c.store.ResolvePhoneAndDirection(ctx, []schema.PhoneQuery{n.query()})
	if err != nil {
		return schema.Plan{}, fmt.Errorf("resolve the numbers of %s: %w", n.facts.CallSID, err)
	}
	plan := schema.Plan{CallSID: n.facts.CallSID}
	if resolutions[0].AccountOrg == "" {
		plan.Change = "would be refused: the account belongs to no organization"
		return plan, nil
	}
	update := n.update(resolutions[0])
	row, err := c.records.CallRecord(ctx, "", n.facts.CallSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		if update.Creates {
			plan.Change = "would create the row"
		}
		return plan, nil
	case err != nil:
		return schema.Plan{}, fmt.Errorf("read call %s: %w", n.facts.CallSID, err)
	}
	if row.AccountSID == update.AccountSID { // another account's news changes nothing
		plan.Change = change(row, update)
	}
	return plan, nil
}

// change says what the update would set in the row, or nothing.
func change(row schema.CallRecord, u schema.CallUpdate) string {
	merged := row.Merge(u.Facts)
	var sets []string
	set := func(name, before, after string) {
		if before != after {
			sets = append(sets, name+" "+after)
		}
	}
	set("status", string(row.Status), string(merged.Status))
	set("parent", row.ParentCallSID, merged.ParentCallSID)
	set("from", row.From, merged.From)
	set("to", row.To, merged.To)
	set("leg", string(row.Leg), string(merged.Leg))
	set("start", moment(row.StartedAt), moment(merged.StartedAt))
	set("answer", moment(row.AnsweredAt), moment(merged.AnsweredAt))
	set("end", moment(row.EndedAt), moment(merged.EndedAt))
	set("duration", number(row.Duration), number(merged.Duration))
	set("trunk", row.TrunkSID, merged.TrunkSID)
	set("caller", row.Caller, merged.Caller)
	set("direction", string(row.Direction), string(max(row.Direction, u.Direction)))
	set("number", row.PhoneNumber, max(row.PhoneNumber, u.PhoneNumber))
	if u.Creates {
		set("organization", row.OrganizationID, max(row.OrganizationID, u.OrganizationID))
	}
	if d := u.Decision; d != nil && (row.Decision == nil || !row.Decision.Outcome.Final()) {
		sets = append(sets, "decision "+string(d.Outcome)+": "+string(d.Rule))
	}
	if len(sets) == 0 {
		return ""
	}
	return "would set " + strings.Join(sets, ", ")
}

// moment is t as precisely as the row keeps it.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Round(time.Microsecond).Format(time.RFC3339Nano)
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}
