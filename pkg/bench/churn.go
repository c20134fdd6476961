package bench

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// changed is a role of which the process is another from time to time. It
// listens at the same address.
type changed struct {
	addr string
	env  []string
	args []string

	mu   sync.Mutex
	role *role
}

// newChanged starts the first process.
func (s *soak) newChanged(ctx context.Context, env, args []string) (*changed, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	c := &changed{addr: addr, env: append(s.env(), env...), args: args}
	s.onClose(c.stop)
	return c, s.begin(ctx, c)
}

// begin starts a process and waits until it is ready.
func (s *soak) begin(ctx context.Context, c *changed) error {
	r, err := s.bench.launch(append(c.env, "HTTP_ADDR="+c.addr), c.args...)
	if err != nil {
		return err
	}
	r.addr = c.addr
	c.mu.Lock()
	c.role = r
	c.mu.Unlock()
	return r.await(ctx, r.answers)
}

// stop ends the process of the moment.
func (c *changed) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.role != nil {
		c.role.stop()
	}
}

// change ends and starts one process after another, evenly, until ctx ends or
// the time is over: each in order and by kill -9 in turns, six times in all and
// at least a quarter of a minute apart.
func (s *soak) change(ctx context.Context) error {
	every := max(s.For/time.Duration(6*len(s.churn)+1), min(s.For/time.Duration(len(s.churn)+1), 15*time.Second))
	for i := 0; ; i++ {
		if pause(ctx, every); ctx.Err() != nil {
			return nil //nolint:nilerr // what was beginning ended with ctx
		}
		c := s.churn[i%len(s.churn)]
		if kill := (i+i/len(s.churn))%2 == 1; kill {
			_ = c.role.command.Process.Signal(syscall.SIGKILL) // or it has ended
			<-c.role.over
			s.report.Killed++
		} else {
			c.stop()
			s.report.Stopped++
		}
		err := s.begin(ctx, c)
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// newFront serves as the balancer before ingress: a request goes to the next of
// the addresses that takes connections.
func newFront() (front *httptest.Server, add func(addresses ...string)) {
	var (
		addresses []string // complete before the first request
		turn      atomic.Uint64
		dialer    net.Dialer
	)
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
			first := turn.Add(1)
			for i := range uint64(len(addresses)) {
				if conn, err = dialer.DialContext(ctx, network, addresses[(first+i)%uint64(len(addresses))]); err == nil {
					return conn, nil
				}
			}
			return nil, err //nolint:wrapcheck // says what it did
		},
	}
	front = httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "ingress", r.In.Host
	}})
	return front, func(more ...string) { addresses = append(addresses, more...) }
}
