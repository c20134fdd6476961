package ingress

import (
	"context"
	"time"

	"github.com/loquent/callstream/schema"
)

// accountsFor is how long an account is held before it is read again.
const accountsFor = 30 * time.Second

// accountKey is by what an account is found.
type accountKey struct {
	byOrganization bool // by the organization's id, else by the account's SID
	id             string
}

func (k accountKey) String() string {
	if k.byOrganization {
		return "organization " + k.id
	}
	return "account " + k.id
}

// accounts holds accounts with their tokens.
type accounts = cache[accountKey, schema.Account]

func newAccounts(source Accounts, clock func() time.Time) *accounts {
	return newCache(accountsFor, clock, func(ctx context.Context, key accountKey) (schema.Account, error) {
		if key.byOrganization {
			return source.AccountByOrganization(ctx, key.id)
		}
		return source.AccountBySID(ctx, key.id)
	})
}
