package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// While hundreds hold connections with heads and bodies that they do not end,
// and others send forged requests as fast as they can, Twilio's own are all
// taken. How long they took is told with -v.
func TestGoodRequestsAreTakenDuringAnAttack(t *testing.T) {
	t.Parallel()
	g := newTarget(t)
	quiet := g.takes(1)

	ctx, stop := context.WithCancel(t.Context())
	var attackers sync.WaitGroup
	var refused atomic.Int64
	for n := range 400 {
		head := "POST /twilio/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
		if n%2 == 0 {
			head += "\r\n["
		}
		attackers.Go(func() { g.holds(ctx, head) })
	}
	for range 4 {
		attackers.Go(func() { g.forges(ctx, &refused) })
	}
	g.await("the flood to rise", func() bool { return refused.Load() > 50 })
	attacked := g.takes(2)
	stop()
	attackers.Wait()
	t.Logf("quiet: median %v, slowest %v; attacked, by %d forged requests meanwhile: median %v, slowest %v",
		quiet[len(quiet)/2], quiet[len(quiet)-1], refused.Load(), attacked[len(attacked)/2], attacked[len(attacked)-1])
}

// takes sends good callbacks, one after the other, and returns how long each
// took, the shortest first.
func (g *target) takes(round int) (times []time.Duration) {
	g.Helper()
	for n := range 20 {
		form := url.Values{
			"AccountSid": {simulatedAccount}, "CallSid": {sid("CA", 1000*round+n)}, "CallStatus": {"completed"}, "From": {"+15005550001"},
			"To": {"+12025550100"}, "Direction": {"inbound"}, "Timestamp": {time.Now().UTC().Format(time.RFC1123Z)},
		}
		began := time.Now()
		g.sends(signedForm(g.T, g.address+"/twilio/call-status", simulatedToken, form))
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times
}

// holds begins a request again and again and ends none.
func (g *target) holds(ctx context.Context, head string) {
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(g.address, "http://"))
		if err != nil {
			return
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, head)
		_, _ = io.Copy(io.Discard, conn) // until it is cut off
		stop()
		_ = conn.Close()
	}
}

// forges sends requests that are signed with another token, and counts them:
// all are refused.
func (g *target) forges(ctx context.Context, refused *atomic.Int64) {
	body := "AccountSid=" + simulatedAccount + "&CallSid=" + sid("CA", 7) + strings.Repeat("&x=y", 2000)
	for n := 0; ctx.Err() == nil; n++ {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.address+"/twilio/call-status", strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Twilio-Signature", fmt.Sprintf("%028d", n))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode < http.StatusBadRequest {
			g.Errorf("a forged request: %s", response.Status)
		}
		refused.Add(1)
	}
}
