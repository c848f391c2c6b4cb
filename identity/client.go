package identity

import "context"

type clientKey struct{}

// WithClient says from which network address a request came, as far as the edge
// trusts what it was told: limits on what strangers may cause count by it.
func WithClient(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, clientKey{}, address)
}

// ClientOf returns the address that WithClient was told, or "" if nobody was.
func ClientOf(ctx context.Context) string {
	address, _ := ctx.Value(clientKey{}).(string)
	return address
}

type agentKey struct{}

// WithAgent says by which program a request was made, as it says itself.
func WithAgent(ctx context.Context, agent string) context.Context {
	return context.WithValue(ctx, agentKey{}, agent)
}

// AgentOf returns what WithAgent was told, or "".
func AgentOf(ctx context.Context) string {
	agent, _ := ctx.Value(agentKey{}).(string)
	return agent
}
