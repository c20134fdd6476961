package eventsink

import (
	"context"
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// trialPoll is how often the store is asked whether the test event arrived.
const trialPoll = 200 * time.Millisecond

// test has Twilio send its test event to the sink, and waits until ingress has
// stored its arrival. An arrival counts by coming after the one before, not by
// this process's clock: ingress has another.
func (e *errand) test(ctx context.Context, sinkSID string) schema.SinkTest {
	before, err := e.tested(ctx)
	if err == nil {
		err = e.Twilio.TestSink(ctx, e.account, sinkSID)
	}
	if err != nil {
		return schema.SinkTest{Problem: fmt.Sprintf("the events are set up, but not tested; set up again to test them: %v", err)}
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, e.TestWait)
	defer cancel()
	tick := time.NewTicker(trialPoll)
	defer tick.Stop()
	for {
		// A database that does not answer just now has its time until the end.
		if at, err := e.tested(ctx); err == nil && at.After(before) {
			return schema.SinkTest{Arrived: true, At: at}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if caller.Err() != nil {
				return schema.SinkTest{Problem: "whether Twilio's test event arrives was not waited for"}
			}
			return schema.SinkTest{Problem: e.notArrived()}
		}
	}
}

// tested is when a test event arrived last; the zero time when none did.
func (e *errand) tested(ctx context.Context) (time.Time, error) {
	settings, err := e.Store.Settings(ctx, e.org)
	if at := settings.Events(e.kind).TestedAt; at != nil {
		return *at, err
	}
	return time.Time{}, err
}

// notArrived says what to look at.
func (e *errand) notArrived() string {
	return fmt.Sprintf("Twilio's test event was not seen within %s. Check that an ingress is running; "+
		"that the internet reaches it at %s (is APP_HOST right, does its name resolve, does the firewall let Twilio in?); "+
		"that its TLS certificate is one that browsers trust; "+
		"and that the auth token in the Twilio settings is the account's primary one, without which ingress refuses what Twilio signs. "+
		"Twilio's console shows its attempts under Monitor > Errors; set up again to repeat the test",
		e.TestWait, withoutCredentials(e.destination))
}
