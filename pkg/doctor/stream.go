package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/loquent/callstream/schema"
)

const (
	streamsDeclared topic = "nats.streams"
	streamsReplicas topic = "nats.replicas"
	streamsSpace    topic = "nats.space"
)

// checkStreams looks whether the broker has the streams as they are declared,
// enough copies of them, and room.
func checkStreams(ctx context.Context, look func(context.Context) (Streams, error)) []schema.Finding {
	if look == nil {
		return []schema.Finding{streamsDeclared.warning("Set NATS_URL to check it.", "No NATS server is configured here.")}
	}
	s, err := look(ctx)
	if err != nil {
		return []schema.Finding{streamsDeclared.failed(adviseStreams(err), "The streams cannot be inspected: %s.", why(err))}
	}
	return []schema.Finding{declared(s), replicated(s), roomy(s)}
}

func adviseStreams(err error) string {
	switch schema.CodeOf(err) {
	case schema.Unauthorized, schema.Forbidden:
		return "Check NATS_CREDS, or user and password in NATS_URL: this command needs a user that may inspect streams."
	case schema.Unavailable:
		return "Start nats-server with JetStream; check NATS_URL and the firewall between. In a cluster, most of its servers must be up."
	}
	return "Check NATS_URL and the server's log."
}

func declared(s Streams) schema.Finding {
	if len(s.Drift) == 0 {
		return streamsDeclared.ok("NATS answers; streams and durables are as declared.")
	}
	return streamsDeclared.failed(
		"Run `callstream streams apply`; it names what cannot be changed in place.",
		"Not as declared: %s.", strings.Join(s.Drift, "; "))
}

// replicated looks at the copies that are up to date. One copy is a way to run
// callstream, two missing ones are the loss of a quorum.
func replicated(s Streams) schema.Finding {
	var behind []string
	least := 0
	for _, state := range s.States {
		if state.Current < state.Replicas {
			behind = append(behind, fmt.Sprintf("%d of %d copies of stream %s are up to date", state.Current, state.Replicas, state.Name))
		}
		if least == 0 || state.Replicas < least {
			least = state.Replicas
		}
	}
	switch {
	case len(behind) > 0:
		return streamsReplicas.warning(
			"Bring the NATS server back that is down or catching up; when fewer than half of the copies are left, Twilio's requests are refused until it is back.",
			"Only %s.", strings.Join(behind, "; "))
	case least == 0:
		return streamsReplicas.warning("Run `callstream streams apply`.", "There are no streams yet.")
	case least == 1:
		return streamsReplicas.ok("The streams have one copy: what was accepted survives a crash of the server, not the loss of its disk. STREAM_REPLICAS=3 on three servers survives that.")
	}
	return streamsReplicas.ok("All %d copies of the streams are up to date.", least)
}

// nearlyFull is the share of a bound from which it is worth a warning.
const nearlyFull = 0.8

// roomy looks whether the streams reach their bounds by their own growth or by
// the disk's end.
func roomy(s Streams) schema.Finding {
	var full []string
	var growth int64
	for _, state := range s.States {
		if state.MaxBytes <= 0 {
			continue
		}
		growth += max(state.MaxBytes-state.Bytes, 0)
		if float64(state.Bytes) >= nearlyFull*float64(state.MaxBytes) {
			full = append(full, fmt.Sprintf("stream %s holds %s of %s", state.Name, size(state.Bytes), size(state.MaxBytes)))
		}
	}
	switch {
	case s.Free == 0:
		return streamsSpace.failed("Give NATS more storage at once: Twilio's requests are refused, and after four hours it gives events up.",
			"NATS has no storage left.")
	case len(full) > 0:
		return streamsSpace.warning("Raise the stream's max bytes if replays need to reach further back: the oldest messages go first, processed or not.",
			"Nearly full: %s.", strings.Join(full, "; "))
	case s.Free > 0 && s.Free < growth:
		return streamsSpace.warning("Give NATS more storage: when it is full, Twilio's requests are refused.",
			"The streams may grow by %s before their oldest messages go, and NATS has %s left.", size(growth), size(s.Free))
	case s.Free < 0:
		return streamsSpace.ok("The streams are within their bounds; NATS does not tell how much storage it has left.")
	}
	return streamsSpace.ok("The streams are within their bounds, and NATS has %s left.", size(s.Free))
}

// size is a number of bytes as people read it.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, suffix := float64(n)/unit, "KMGTPE"
	for value >= unit {
		value, suffix = value/unit, suffix[1:]
	}
	return fmt.Sprintf("%.1f %ciB", value, suffix[0])
}
