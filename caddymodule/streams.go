package caddymodule

import (
	"sync"

	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// running are the streams of this process. They outlive the configuration under
// which they began, and so does what is heard of their callers: ids are nobody
// else's, in whatever realm.
var running = newStreams()

// streams are running answers that may last: upgraded connections, events, whatever
// is sent in pieces.
type streams struct {
	mu         sync.Mutex
	all        streamSet
	bySession  map[string]streamSet
	byIdentity map[string]streamSet
}

type streamSet map[*openStream]struct{}

func newStreams() *streams {
	return &streams{all: streamSet{}, bySession: map[string]streamSet{}, byIdentity: map[string]streamSet{}}
}

func (t *streams) add(s *openStream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[s] = struct{}{}
	put(t.byIdentity, s.caller.Claims.IdentityID, s)
	if s.sid != "" {
		put(t.bySession, s.sid, s)
	}
}

func (t *streams) remove(s *openStream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, s)
	take(t.byIdentity, s.caller.Claims.IdentityID, s)
	take(t.bySession, s.sid, s)
}

func put(index map[string]streamSet, id string, s *openStream) {
	if index[id] == nil {
		index[id] = streamSet{}
	}
	index[id][s] = struct{}{}
}

func take(index map[string]streamSet, id string, s *openStream) {
	delete(index[id], s)
	if len(index[id]) == 0 {
		delete(index, id)
	}
}

// recheck asks at once about the callers whom a revocation may be about.
func (t *streams) recheck(r redisstore.Revocation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	concerned := t.byIdentity[r.IdentityID]
	if r.SID != "" {
		concerned = t.bySession[r.SID]
	}
	for s := range concerned {
		go s.check()
	}
}

// recheckAll asks at once about all callers.
func (t *streams) recheckAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.all {
		go s.check()
	}
}
