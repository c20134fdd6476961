package api

import (
	"container/list"
	"crypto/sha256"
	"errors"
	"math"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/loquent/callstream/schema"
)

// Limits bounds what a caller may ask of one process.
type Limits struct {
	PerSecond      float64 // requests of one key; zero: 50
	Burst          int     // requests of one key at once; zero: 100
	FailuresMinute float64 // requests a minute with unknown keys, of one address; zero: 30
	FailuresBurst  int     // of them at once; zero: 20
}

// remembered is how many keys, and how many addresses, a gate keeps count of.
// Beyond it those that were away longest start anew.
const remembered = 10_000

// gate holds back keys that ask too often and addresses that try keys. An
// address that is held back is so only for keys that were not valid here
// before: behind one proxy, whoever tries keys does not lock out the others.
type gate struct {
	keys     *buckets
	failures *buckets
}

func newGate(l Limits) *gate {
	perSecond, burst, failures, failuresBurst := rate.Limit(50), 100, 30.0, 20
	if l.PerSecond > 0 {
		perSecond = rate.Limit(l.PerSecond)
	}
	if l.Burst > 0 {
		burst = l.Burst
	}
	if l.FailuresMinute > 0 {
		failures = l.FailuresMinute
	}
	if l.FailuresBurst > 0 {
		failuresBurst = l.FailuresBurst
	}
	return &gate{
		keys:     newBuckets(perSecond, burst, remembered),
		failures: newBuckets(rate.Limit(failures/60), failuresBurst, remembered),
	}
}

// The texts of refusals.
var (
	errTooFast = errors.New("this key asks too often; wait as long as Retry-After says")
	errTooMany = errors.New("too many requests with unknown keys came from this address; wait as long as Retry-After says, and check the key")
)

func limited(wait time.Duration, err error) error {
	return &schema.Error{Code: schema.RateLimited, RetryAfter: wait, Err: err}
}

// enter lets a request with key in, or returns [schema.RateLimited]. It comes
// before the key is looked up, so that who is held back costs the database
// nothing.
func (g *gate) enter(key, address string, now time.Time) error {
	if name := nameOf(key); g.keys.has(name) {
		if wait := g.keys.take(name, now); wait > 0 {
			return limited(wait, errTooFast)
		}
		return nil
	}
	if wait := g.failures.wait(hostOf(address), now); wait > 0 {
		return limited(wait, errTooMany)
	}
	return nil
}

// found tells that key is somebody's. The first request of a key is counted
// here, the others when they enter.
func (g *gate) found(key string, now time.Time) {
	if name := nameOf(key); !g.keys.has(name) {
		g.keys.take(name, now)
	}
}

// unknown tells that key is nobody's, or no longer.
func (g *gate) unknown(key, address string, now time.Time) {
	g.keys.forget(nameOf(key))
	g.failures.take(hostOf(address), now)
}

// nameOf keeps keys themselves out of memory.
func nameOf(key string) string {
	hash := sha256.Sum256([]byte(key))
	return string(hash[:])
}

// hostOf returns the address without its port, of IPv6 the network that one
// site has to itself (RFC 6177 §2).
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}

// buckets is a token bucket for each of a bounded number of names.
type buckets struct {
	rate  rate.Limit
	burst int
	most  int

	mu     sync.Mutex
	byName map[string]*list.Element
	recent *list.List // of *bucket, the latest used first
}

type bucket struct {
	name string
	*rate.Limiter
}

func newBuckets(r rate.Limit, burst, most int) *buckets {
	return &buckets{rate: r, burst: burst, most: most, byName: map[string]*list.Element{}, recent: list.New()}
}

// has reports whether anything was taken for name lately.
func (b *buckets) has(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.byName[name]
	return ok
}

// take takes a token of name's, or returns how long until there is one.
func (b *buckets) take(name string, now time.Time) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	element, ok := b.byName[name]
	if !ok {
		element = b.recent.PushFront(&bucket{name, rate.NewLimiter(b.rate, b.burst)})
		b.byName[name] = element
		if b.recent.Len() > b.most {
			oldest := b.recent.Remove(b.recent.Back()).(*bucket)
			delete(b.byName, oldest.name)
		}
	}
	b.recent.MoveToFront(element)
	limiter := element.Value.(*bucket)
	if limiter.AllowN(now, 1) {
		return 0
	}
	return b.until(limiter, now)
}

// wait returns how long until there is a token of name's, taking none.
func (b *buckets) wait(name string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if element, ok := b.byName[name]; ok {
		return b.until(element.Value.(*bucket), now)
	}
	return 0
}

// until returns how long until the limiter has a token.
func (b *buckets) until(limiter *bucket, now time.Time) time.Duration {
	missing := 1 - limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(b.rate) * float64(time.Second)))
}

// forget drops what is known of name.
func (b *buckets) forget(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if element, ok := b.byName[name]; ok {
		b.recent.Remove(element)
		delete(b.byName, name)
	}
}
