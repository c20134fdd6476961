package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loquent/callstream/schema"
)

// connections is how many requests are under way at a time.
const connections = 64

// outcome is what became of a load.
type outcome struct {
	took      time.Duration
	latencies series // milliseconds
}

// rate returns how many of n there were a second.
func (o outcome) rate(n int) float64 { return float64(n) / o.took.Seconds() }

// saturate sends the requests over as many connections as fast as they are
// answered. An answer that is not 2xx is an error: what is refused is no work.
func saturate(ctx context.Context, addr string, requests [][]byte) (outcome, error) {
	return send(ctx, addr, requests, func(int) time.Time { return time.Time{} })
}

// pace sends the requests at a rate, whether or not earlier ones are answered,
// as far as there are connections. Latencies count from when each was due.
func pace(ctx context.Context, addr string, requests [][]byte, perSecond float64) (outcome, error) {
	began := time.Now().Add(20 * time.Millisecond)
	return send(ctx, addr, requests, func(i int) time.Time {
		return began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
	})
}

// send has each connection take the next request, when it is due.
func send(ctx context.Context, addr string, requests [][]byte, due func(int) time.Time) (outcome, error) {
	clients, err := dial(ctx, addr, min(crewOf(due), len(requests)))
	if err != nil {
		return outcome{}, err
	}
	defer func() {
		for _, c := range clients {
			_ = c.conn.Close()
		}
	}()
	var (
		next      atomic.Int64
		latencies = make(series, len(requests))
		errs      = make([]error, len(clients))
		crew      sync.WaitGroup
		began     = time.Now()
	)
	for n, c := range clients {
		crew.Go(func() {
			for ctx.Err() == nil && errs[n] == nil {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return
				}
				from := due(i)
				if from.IsZero() {
					from = time.Now()
				}
				time.Sleep(time.Until(from))
				errs[n] = c.do(requests[i])
				latencies[i] = float64(time.Since(from)) / float64(time.Millisecond)
			}
		})
	}
	crew.Wait()
	return outcome{time.Since(began), latencies}, errors.Join(append(errs, ctx.Err())...)
}

// crewOf returns how many connections a load takes. At a slow pace they are
// fewer: a server hangs up on one that says nothing for long.
func crewOf(due func(int) time.Time) int {
	apart := due(1).Sub(due(0))
	if apart <= 0 {
		return connections
	}
	return min(connections, max(1, int(2*time.Second/apart)))
}

// client is one connection that is kept. It is no general HTTP client: what it
// costs is taken from the machine that is measured.
type client struct {
	conn   net.Conn
	answer *bufio.Reader
}

func dial(ctx context.Context, addr string, n int) ([]*client, error) {
	clients := make([]*client, 0, n)
	var dialer net.Dialer
	for range n {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			for _, c := range clients {
				_ = c.conn.Close()
			}
			return nil, fmt.Errorf("connect to %s: %w", addr, err)
		}
		clients = append(clients, &client{conn, bufio.NewReaderSize(conn, 4<<10)})
	}
	return clients, nil
}

// do sends a request and reads the answer, which is 2xx and without a body.
func (c *client) do(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	status, err := c.answer.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 204")) {
		return schema.Errorf(schema.Internal, "answered %s", bytes.TrimSpace(status))
	}
	for {
		line, err := c.answer.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
	}
}
