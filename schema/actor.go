package schema

import "context"

// Actor is who changes something, as the audit log names them: "key:NAME" for
// the holder of an API key, "cli:USER@HOST" for somebody at a terminal.
type Actor string

// System is the actor of changes that nobody in particular asked for.
const System Actor = "system"

type actorKey struct{}

// WithActor returns a context in which a is who acts. Whatever takes a request
// in sets it once; what stores a change writes it down.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns who acts in ctx, [System] where nobody was named.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok && a != "" {
		return a
	}
	return System
}
