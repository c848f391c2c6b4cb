package identity

import "time"

// SessionEntry is a session on the list of an identity's sessions.
type SessionEntry struct {
	// ID tells the sessions of an identity apart. The id in the cookie does not
	// follow from it.
	ID string
	// SID is the id in the cookie.
	SID string
	// CreatedAt is when the identity's latest log-in in this session took place.
	CreatedAt time.Time
	// UsedAt is when the session was used last, to a minute or so.
	UsedAt time.Time
	// ExpiresAt is when it ends by itself.
	ExpiresAt time.Time
	// IssuedAt is when the latest of its claims were issued, in seconds: a
	// revocation that came after ended what the session was to the identity.
	IssuedAt int64
	// Address is the network address at the log-in, "" if unknown.
	Address string
	// Agent is the User-Agent field at the log-in, cut; "" if unknown.
	Agent string
	// ActorTypes are those as which the identity is logged in by it, in order.
	ActorTypes []string
	// Shared: another identity is logged in by it too.
	Shared bool
}
