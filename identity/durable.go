package identity

import "context"

type durableKey struct{}

// Durable returns a context in which a store answers only once what it says would
// survive the loss of its master, if it is told to wait for replicas, and else
// with CodeUnavailable. What changes an identity or a session is durable anyway;
// this is for an answer that rests on what was read: that an address is already
// registered, with this password, may be all that is left of a registration whose
// client got no answer.
func Durable(ctx context.Context) context.Context {
	return context.WithValue(ctx, durableKey{}, true)
}

// IsDurable reports whether the context is one of Durable.
func IsDurable(ctx context.Context) bool {
	durable, _ := ctx.Value(durableKey{}).(bool)
	return durable
}
