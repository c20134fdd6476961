package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// puller asks the broker for messages, as many as there are hands for and never
// more. The client library's own Fetch would do but for its end: cancelled, it
// drops what is on its way, and that comes again only after AckWait. A puller
// hands such messages over, to be given back at once.
type puller struct {
	conn    *Conn
	subject string // where to ask
	size    int    // the most that is asked for at once
	sub     *nats.Subscription
	msgs    chan *nats.Msg
}

// The reasons why a pull ends early. All but errGone may heal.
var (
	errGone      = errors.New("the durable is gone")
	errNobody    = errors.New("nobody serves the durable")
	errQuiet     = errors.New("the server has gone quiet")
	errReconnect = errors.New("the connection was renewed")
)

// pullRequest is the body of a request to $JS.API.CONSUMER.MSG.NEXT.
type pullRequest struct {
	Batch     int           `json:"batch"`
	Expires   time.Duration `json:"expires"` // nanoseconds
	Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
}

// slack is how much later than a pull's end its word may come.
const slack = 2 * time.Second

func newPuller(c *Conn, stream, durable string, size int) *puller {
	return &puller{conn: c, subject: "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + durable, size: size}
}

// pull asks for up to n messages and returns when they are there, when wait is
// over, or when ctx ends. It returns what came also beside an error; then, and
// after ctx's end, the puller has to be closed, since more may come.
func (p *puller) pull(ctx context.Context, n int, wait, beat time.Duration) (got []*nats.Msg, err error) {
	if err := p.open(); err != nil {
		return nil, err
	}
	reconnect := p.conn.link.reconnect()
	body, err := json.Marshal(pullRequest{Batch: n, Expires: wait, Heartbeat: beat})
	if err != nil {
		return nil, fmt.Errorf("encode pull: %w", err)
	}
	if err := p.conn.nc.PublishRequest(p.subject, p.sub.Subject, body); err != nil {
		return nil, fmt.Errorf("pull: %w", err)
	}
	patience := wait + slack
	if beat > 0 {
		patience = 2 * beat
	}
	quiet := time.NewTimer(patience)
	defer quiet.Stop()
	for len(got) < n {
		select {
		case <-ctx.Done():
			return got, nil
		case <-reconnect:
			return got, errReconnect
		case <-quiet.C:
			return got, errQuiet
		case m := <-p.msgs:
			quiet.Reset(patience)
			switch over, err := status(m); {
			case err != nil, over:
				return got, err
			case isMessage(m):
				got = append(got, m)
			}
		}
	}
	return got, nil
}

// open subscribes, unless that is done. The inbox holds a whole pull and what
// the server says beside it.
func (p *puller) open() error {
	if p.sub != nil {
		return nil
	}
	p.msgs = make(chan *nats.Msg, p.size+64)
	sub, err := p.conn.nc.ChanSubscribe(p.conn.nc.NewInbox(), p.msgs)
	if err != nil {
		return fmt.Errorf("subscribe to an inbox: %w", err)
	}
	p.sub = sub
	return nil
}

// close ends the subscription and returns the messages that were on their way.
// The next pull subscribes anew, to an inbox that no old request knows.
func (p *puller) close(ctx context.Context) (left []*nats.Msg) {
	if p.sub == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slack)
	defer cancel()
	// Draining tells the server and keeps receiving. What it sent before it
	// heard comes before its answer to the flush.
	if p.sub.Drain() == nil && p.conn.nc.IsConnected() {
		_ = p.conn.nc.FlushWithContext(ctx)
	}
	p.sub = nil
	for {
		select {
		case m := <-p.msgs:
			if isMessage(m) {
				left = append(left, m)
			}
		default:
			return left
		}
	}
}

// isMessage tells a message of the stream from the server's word on the pull.
func isMessage(m *nats.Msg) bool {
	return len(m.Data) > 0 || m.Header.Get("Status") == ""
}

// status reads the server's word on the pull: whether it is over, and whether
// that is an error.
func status(m *nats.Msg) (over bool, err error) {
	if isMessage(m) {
		return false, nil
	}
	description := m.Header.Get("Description")
	switch code := m.Header.Get("Status"); code {
	case "100": // idle heartbeat
		return false, nil
	case "404", "408": // no messages, time is over
		return true, nil
	case "503":
		return true, errNobody
	case "409":
		if strings.Contains(strings.ToLower(description), "consumer deleted") {
			return true, errGone
		}
		return true, fmt.Errorf("pull: %s", description)
	default:
		return true, fmt.Errorf("pull: status %s: %s", code, description)
	}
}
