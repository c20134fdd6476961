package ingress

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/loquent/callstream/schema"
)

// Reinject judges the bytes of one of ingress's dead letters again, as a better
// reader may now, and publishes what they tell. The account is the one that
// signed them, whose signature was checked when they came. The error is
// [schema.Invalid] when they still tell nothing, and [schema.NotFound] when the
// account is nobody's any more.
func Reinject(ctx context.Context, accounts Accounts, publisher Publisher, letter schema.DeadLetter) error {
	rt, err := routeOf(letter)
	if err != nil {
		return err
	}
	account, err := signedBy(ctx, accounts, letter)
	if err != nil {
		return fmt.Errorf("look up the account of dead letter %d: %w", letter.ID, err)
	}
	d := &delivery{route: rt.path, account: account, header: http.Header(letter.Header), body: letter.Data, now: letter.Published}
	var events []schema.Event
	for _, v := range rt.read(d) {
		switch v.outcome {
		case deadLetter:
			return schema.Errorf(schema.Invalid, "dead letter %d still cannot be taken: %s", letter.ID, v.letter.Error)
		case stored:
			events = append(events, v.event)
		}
	}
	if len(events) == 0 {
		return schema.Errorf(schema.Invalid, "nothing follows from dead letter %d; remove it", letter.ID)
	}
	if err := publisher.Publish(ctx, events...); err != nil {
		return fmt.Errorf("publish what dead letter %d tells: %w", letter.ID, err)
	}
	return nil
}

// routeOf returns the route by which the letter's bytes came, and so their form.
func routeOf(letter schema.DeadLetter) (route, error) {
	var path string
	if values := letter.Header[HeaderRoute]; len(values) > 0 {
		path = values[0]
	}
	i := slices.IndexFunc(routes, func(r route) bool { return r.path == path })
	if i < 0 {
		return route{}, schema.Errorf(schema.Invalid, "dead letter %d came by %q, whose bytes cannot be judged again", letter.ID, path)
	}
	return routes[i], nil
}

func signedBy(ctx context.Context, accounts Accounts, letter schema.DeadLetter) (schema.Account, error) {
	if letter.Org != "" {
		return accounts.AccountByOrganization(ctx, letter.Org)
	}
	return accounts.AccountBySID(ctx, letter.Account)
}
