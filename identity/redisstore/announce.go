package redisstore

import (
	"context"
	"errors"
	"strings"
)

// Revocation is what nodes tell each other: something that they may have cached is
// worth nothing any more. One of the two is set.
type Revocation struct {
	IdentityID string // credentials of the identity ended
	SID        string // the session ended or changed
}

// The kinds of messages.
const (
	revokedIdentity = "i "
	revokedSession  = "s "
)

// maxRevocation bounds a message in bytes.
const maxRevocation = 300

// channel is where nodes tell each other of revocations.
func (k keyspace) channel() string { return k.prefix + "revoked" }

// Announce tells all nodes that listen. Those that do not, or miss it, find out
// when what they have cached is too old. CodeUnavailable if it may not have been
// sent.
func (s *Store) Announce(ctx context.Context, r Revocation) error {
	message := revokedIdentity + r.IdentityID
	if r.SID != "" {
		message = revokedSession + r.SID
	}
	if _, ok := parseRevocation(message); !ok {
		return invalid(errors.New("announcing a revocation: want an identity or a session"))
	}
	return s.do(ctx, "announcing a revocation", func(ctx context.Context) error {
		return s.client.Publish(ctx, s.keys.channel(), message).Err()
	})
}

// parseRevocation reads a message. Whatever else is on the channel is none.
func parseRevocation(message string) (r Revocation, ok bool) {
	if len(message) > maxRevocation {
		return Revocation{}, false
	}
	if id, found := strings.CutPrefix(message, revokedIdentity); found && validID(id) {
		return Revocation{IdentityID: id}, true
	}
	if sid, found := strings.CutPrefix(message, revokedSession); found && validSID(sid) {
		return Revocation{SID: sid}, true
	}
	return Revocation{}, false
}

// validSID: visible ASCII, as the package session makes them and takes them.
func validSID(sid string) bool {
	for _, c := range []byte(sid) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return sid != ""
}
