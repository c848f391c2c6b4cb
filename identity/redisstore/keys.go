package redisstore

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Defaults of the key prefixes.
const (
	DefaultPrefix        = "auth:"
	defaultSessionSuffix = "sess:"
)

const maxPrefix = 64

// keyspace names every key of the package. The braces are hash tags: a cluster
// places a key by what is between them.
type keyspace struct{ prefix, sessions string }

func newKeyspace(prefix, sessions string) (keyspace, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if sessions == "" {
		sessions = prefix + defaultSessionSuffix
	}
	for _, p := range []string{prefix, sessions} {
		if !validPrefix(p) {
			return keyspace{}, fmt.Errorf("key prefix %q: use printable ASCII without spaces and braces, at most %d characters", p, maxPrefix)
		}
	}
	return keyspace{prefix, sessions}, nil
}

// validPrefix keeps braces out, which would move the hash tag.
func validPrefix(s string) bool {
	if len(s) > maxPrefix {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '{' || c == '}' {
			return false
		}
	}
	return true
}

// identity is the hash that is the identity's record.
func (k keyspace) identity(id string) string { return k.prefix + "id:{" + id + "}" }

// reset is the string that holds the identity's one reset of that provider.
func (k keyspace) reset(id, provider string) string { return k.identity(id) + ":rst:" + provider }

// list is the hash that lists the identity's sessions.
func (k keyspace) list(id string) string { return k.identity(id) + ":ses" }

// entity is the string that says which identity holds the key within the
// provider: the unique index.
func (k keyspace) entity(provider, key string) string {
	return k.prefix + "px:" + provider + ":" + digest(key)
}

// actor is the set of the identities that are, or once were to be, linked to
// the actor. The record decides; the set only says where to look.
func (k keyspace) actor(actorType, actorID string) string {
	return k.prefix + "ac:" + actorType + ":" + digest(actorID)
}

// attempt is the string that holds a log-in at a third party.
func (k keyspace) attempt(hash string) string { return k.prefix + "st:" + hash }

// recent is the string that says when somebody logged in with that credential.
func (k keyspace) recent(credential string) string { return k.prefix + "lg:" + digest(credential) }

// bucket is the string that says when a bucket will be empty. A pseudonym stands
// there as it is: people find it by what is in the log.
func (k keyspace) bucket(name, of string) string {
	if !validID(of) {
		of = digest(of)
	}
	return k.buckets(name) + of
}

// buckets is what the keys of all buckets of that name begin with.
func (k keyspace) buckets(name string) string { return k.prefix + "rl:" + name + ":" }

// session is the string that is the session's record.
func (k keyspace) session(sid string) string { return k.sessions + sid }

// meta is the hash that describes the data as a whole.
func (k keyspace) meta() string { return k.prefix + "meta" }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// validID reports whether the id can be part of a key. The empty one cannot: an
// empty hash tag is none.
func validID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, c := range []byte(id) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
