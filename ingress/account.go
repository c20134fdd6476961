package ingress

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/loquent/callstream/schema"
)

// How long accounts are held, and how hard they are looked up.
const (
	knownFor    = 30 * time.Second       // an account, before it is read again
	unknownFor  = 2 * time.Second        // that there is none
	awayFor     = time.Second            // that the database does not answer, where a held account can serve
	patience    = 500 * time.Millisecond // wait for a fresh account where a held one can serve
	lookupLimit = 2 * time.Second        // a look-up, whoever waits for it

	refreshesPerSecond = 5      // of one account, for signatures that fail
	maxUnknown         = 10_000 // strangers' ids remembered at a time
)

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

// accounts holds accounts for a while. One that was known is served for as long
// as the database is away.
type accounts struct {
	source Accounts
	clock  func() time.Time
	flight singleflight.Group // one look-up of an account at a time

	mu      sync.Mutex
	known   map[accountKey]*knownAccount
	unknown map[accountKey]time.Time // until when
}

// knownAccount is an account as it was read.
type knownAccount struct {
	account   schema.Account
	staleAt   time.Time
	second    time.Time // the second in which refreshes are counted
	refreshes int
}

func newAccounts(source Accounts, clock func() time.Time) *accounts {
	return &accounts{
		source: source, clock: clock,
		known: map[accountKey]*knownAccount{}, unknown: map[accountKey]time.Time{},
	}
}

// find returns the account and whether it comes from the cache, so that a newer
// one may exist. The error is NotFound when there positively is none.
func (a *accounts) find(ctx context.Context, key accountKey) (account schema.Account, cached bool, err error) {
	held, fresh, err := a.lookup(key)
	switch {
	case err != nil || fresh:
		return held, true, err
	case held.AccountSID == "":
		account, err = a.read(ctx, key)
		return account, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	account, err = a.read(ctx, key)
	if err == nil || schema.CodeOf(err) == schema.NotFound {
		return account, false, err
	}
	a.postpone(key)
	return held, true, nil
}

// postpone lets a held account serve for a moment without asking again.
func (a *accounts) postpone(key accountKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k, ok := a.known[key]; ok {
		k.staleAt = a.clock().Add(awayFor)
	}
}

// lookup returns what is held of an account, if anything is.
func (a *accounts) lookup(key accountKey) (held schema.Account, fresh bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock()
	if k, ok := a.known[key]; ok {
		return k.account, now.Before(k.staleAt), nil
	}
	if now.Before(a.unknown[key]) {
		return schema.Account{}, false, schema.Errorf(schema.NotFound, "%s is unknown", key)
	}
	return schema.Account{}, false, nil
}

// refresh reads a held account anew. So that bad signatures cannot keep the
// database busy, it does so a few times a second and refuses, as Unavailable,
// beyond that: the sender may be right, and is to try again.
func (a *accounts) refresh(ctx context.Context, key accountKey) (schema.Account, error) {
	if !a.mayRefresh(key) {
		return schema.Account{}, schema.Errorf(schema.Unavailable, "the tokens of %s were read too often just now", key)
	}
	return a.read(ctx, key)
}

func (a *accounts) mayRefresh(key accountKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, ok := a.known[key]
	if !ok {
		return true // it vanished just now; the read will say
	}
	if now := a.clock(); now.Sub(k.second) >= time.Second {
		k.second, k.refreshes = now, 0
	}
	k.refreshes++
	return k.refreshes <= refreshesPerSecond
}

// read asks the database, once for all who ask at the same time.
func (a *accounts) read(ctx context.Context, key accountKey) (schema.Account, error) {
	answer := a.flight.DoChan(key.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupLimit)
		defer cancel()
		return a.readNow(ctx, key)
	})
	select {
	case <-ctx.Done():
		return schema.Account{}, schema.Errorf(schema.Unavailable, "look up %s: %w", key, context.Cause(ctx))
	case result := <-answer:
		account, _ := result.Val.(schema.Account)
		return account, result.Err
	}
}

func (a *accounts) readNow(ctx context.Context, key accountKey) (account schema.Account, err error) {
	if key.byOrganization {
		account, err = a.source.AccountByOrganization(ctx, key.id)
	} else {
		account, err = a.source.AccountBySID(ctx, key.id)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock()
	switch schema.CodeOf(err) {
	case "":
		a.remember(key, account, now)
		return account, nil
	case schema.NotFound, schema.Invalid: // Invalid: it is not even an id
		a.forget(key, now)
		return schema.Account{}, schema.Errorf(schema.NotFound, "look up %s: %w", key, err)
	}
	return schema.Account{}, fmt.Errorf("look up %s: %w", key, err)
}

// remember holds the account; its count of refreshes goes on.
func (a *accounts) remember(key accountKey, account schema.Account, now time.Time) {
	delete(a.unknown, key)
	k, ok := a.known[key]
	if !ok {
		k = &knownAccount{}
		a.known[key] = k
	}
	k.account, k.staleAt = account, now.Add(knownFor)
}

// forget holds that there is no such account. Strangers choose these ids, so
// there is an end to how many are held.
func (a *accounts) forget(key accountKey, now time.Time) {
	delete(a.known, key)
	if len(a.unknown) >= maxUnknown {
		clear(a.unknown)
	}
	a.unknown[key] = now.Add(unknownFor)
}
