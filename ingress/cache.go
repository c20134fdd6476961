package ingress

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/loquent/callstream/schema"
)

// How long what was looked up is held, and how hard it is looked up.
const (
	unknownFor  = 2 * time.Second        // that there is none
	awayFor     = time.Second            // that the database does not answer, where something held can serve
	patience    = 500 * time.Millisecond // wait for a fresh value where a held one can serve
	lookupLimit = 2 * time.Second        // a look-up, whoever waits for it

	refreshesPerSecond = 5      // of one key, for signatures that fail
	maxUnknown         = 10_000 // strangers' keys remembered at a time
)

// cacheKey is by what a value is found; its text names it, in errors too.
type cacheKey interface {
	comparable
	fmt.Stringer
}

// cache holds values for a while. One that was known is served for as long as
// the database is away.
type cache[K cacheKey, V any] struct {
	source   func(context.Context, K) (V, error) // NotFound or Invalid: there is positively none
	knownFor time.Duration                       // a value, before it is read again
	clock    func() time.Time
	flight   singleflight.Group // one look-up of a key at a time

	mu      sync.Mutex
	known   map[K]*knownValue[V]
	unknown map[K]time.Time // until when
}

// knownValue is a value as it was read.
type knownValue[V any] struct {
	value     V
	staleAt   time.Time
	second    time.Time // the second in which refreshes are counted
	refreshes int
}

func newCache[K cacheKey, V any](knownFor time.Duration, clock func() time.Time, source func(context.Context, K) (V, error)) *cache[K, V] {
	return &cache[K, V]{
		source: source, knownFor: knownFor, clock: clock,
		known: map[K]*knownValue[V]{}, unknown: map[K]time.Time{},
	}
}

// find returns the value and whether it was held, so that a newer one may
// exist. The error is NotFound when there positively is none.
func (c *cache[K, V]) find(ctx context.Context, key K) (value V, held bool, err error) {
	old, held, fresh, err := c.lookup(key)
	switch {
	case err != nil || fresh:
		return old, true, err
	case !held:
		value, err = c.read(ctx, key)
		return value, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	value, err = c.read(ctx, key)
	if err == nil || schema.CodeOf(err) == schema.NotFound {
		return value, false, err
	}
	c.postpone(key)
	return old, true, nil
}

// postpone lets a held value serve for a moment without asking again.
func (c *cache[K, V]) postpone(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, ok := c.known[key]; ok {
		k.staleAt = c.clock().Add(awayFor)
	}
}

// lookup returns what is held under a key, if anything is.
func (c *cache[K, V]) lookup(key K) (value V, held, fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	if k, ok := c.known[key]; ok {
		return k.value, true, now.Before(k.staleAt), nil
	}
	if now.Before(c.unknown[key]) {
		return value, false, false, schema.Errorf(schema.NotFound, "%s is unknown", key)
	}
	return value, false, false, nil
}

// refresh reads a held value anew. So that bad signatures cannot keep the
// database busy, it does so a few times a second and refuses, as Unavailable,
// beyond that: the sender may be right, and is to try again.
func (c *cache[K, V]) refresh(ctx context.Context, key K) (value V, err error) {
	if !c.mayRefresh(key) {
		return value, schema.Errorf(schema.Unavailable, "%s was read too often just now", key)
	}
	return c.read(ctx, key)
}

func (c *cache[K, V]) mayRefresh(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[key]
	if !ok {
		return true // it vanished just now; the read will say
	}
	if now := c.clock(); now.Sub(k.second) >= time.Second {
		k.second, k.refreshes = now, 0
	}
	k.refreshes++
	return k.refreshes <= refreshesPerSecond
}

// read asks the database, once for all who ask at the same time.
func (c *cache[K, V]) read(ctx context.Context, key K) (value V, err error) {
	answer := c.flight.DoChan(key.String(), func() (any, error) { return c.readNow(context.WithoutCancel(ctx), key) })
	select {
	case <-ctx.Done():
		return value, schema.Errorf(schema.Unavailable, "look up %s: %w", key, context.Cause(ctx))
	case result := <-answer:
		value, _ = result.Val.(V)
		return value, result.Err
	}
}

func (c *cache[K, V]) readNow(ctx context.Context, key K) (none V, err error) {
	value, err := within(ctx, lookupLimit, func(ctx context.Context) (V, error) { return c.source(ctx, key) })
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	switch schema.CodeOf(err) {
	case "":
		c.remember(key, value, now)
		return value, nil
	case schema.NotFound, schema.Invalid: // Invalid: it is not even a key
		c.forget(key, now)
		return none, schema.Errorf(schema.NotFound, "look up %s: %w", key, err)
	}
	return none, fmt.Errorf("look up %s: %w", key, err)
}

// remember holds the value; its count of refreshes goes on.
func (c *cache[K, V]) remember(key K, value V, now time.Time) {
	delete(c.unknown, key)
	k, ok := c.known[key]
	if !ok {
		k = &knownValue[V]{}
		c.known[key] = k
	}
	k.value, k.staleAt = value, now.Add(c.knownFor)
}

// forget holds that there is no such value. Strangers choose these keys, so
// there is an end to how many are held.
func (c *cache[K, V]) forget(key K, now time.Time) {
	delete(c.known, key)
	if len(c.unknown) >= maxUnknown {
		clear(c.unknown)
	}
	c.unknown[key] = now.Add(unknownFor)
}
