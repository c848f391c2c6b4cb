package verify_test

import (
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// older makes a token of the older dialect for an actor.
func (w *world) older(raw, actorType, actorID string) {
	w.change(func() {
		c := identity.Claims{ActorType: actorType, ActorID: actorID, ByActor: true, IssuedAt: w.now.Unix(), ExpiresAt: w.now.Add(time.Hour).Unix()}
		w.tokens[raw] = c
	})
}

// has makes the identity the one that has the actor; "" takes him away.
func (w *world) has(id, actorType, actorID string) {
	w.change(func() {
		delete(w.actors, actorType+" "+actorID)
		if id != "" {
			w.actors[actorType+" "+actorID], w.valid[id] = id, time.Time{}
		}
	})
}

func TestTokenByActor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.has("authid_1", "customer", "cus_1")
	w.older("v1", "customer", "cus_1")
	v := w.newVerifier(t, maxAge)
	for range 3 {
		result, err := v.Request(request(t, "", "v1"))
		if err != nil || len(result.Callers) != 1 {
			t.Fatalf("got %+v, %v", result, err)
		}
		c := result.Callers[0].Claims
		if c.IdentityID != "authid_1" || c.ActorID != "cus_1" || c.Provider != "emailpass" || !c.ByActor ||
			string(c.AppMetadata["customer_id"]) != `"cus_1"` || string(c.UserMetadata) != `{"first_name":"J"}` {
			t.Errorf("the caller is %+v", c)
		}
	}
	if n := w.count("actor cus_1") + w.count("state authid_1"); n != 2 {
		t.Errorf("the store was asked %d times", n)
	}
}

// The rules for a revoked credential are those of every other.
func TestTokenByActorIsRevoked(t *testing.T) {
	t.Parallel()
	for _, age := range []time.Duration{0, maxAge} {
		w := newWorld()
		w.has("authid_1", "customer", "cus_1")
		w.older("v1", "customer", "cus_1")
		v := w.newVerifier(t, age)
		wantVerdict(t, v, request(t, "", "v1"), "bearer cus_1")
		w.change(func() { w.valid["authid_1"] = w.now.Truncate(time.Second).Add(time.Second) })
		v.Forget("authid_1")
		wantVerdict(t, v, request(t, "", "v1"), "nobody, revoked")
		w.forward(2 * time.Second)
		w.older("again", "customer", "cus_1")
		wantVerdict(t, v, request(t, "", "again"), "bearer cus_1")
	}
}

func TestTokenOfAnActorThatNobodyHas(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.older("v1", "customer", "cus_1")
	v := w.newVerifier(t, maxAge)
	wantVerdict(t, v, request(t, "", "v1"), "nobody, actor_unknown")
	w.has("authid_1", "user", "cus_1") // of another type
	wantVerdict(t, v, request(t, "", "v1"), "nobody, actor_unknown")
	w.has("authid_1", "customer", "cus_1") // nothing was remembered
	wantVerdict(t, v, request(t, "", "v1"), "bearer cus_1")
	// The identity is deleted; the actor gets another one.
	w.change(func() { delete(w.valid, "authid_1") })
	v.Forget("authid_1")
	wantVerdict(t, v, request(t, "", "v1"), "nobody, identity_gone")
	w.has("authid_2", "customer", "cus_1")
	wantVerdict(t, v, request(t, "", "v1"), "bearer cus_1")
}

// Unknown is not no.
func TestActorWithoutTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.has("authid_1", "customer", "cus_1")
	w.older("v1", "customer", "cus_1")
	v := w.newVerifier(t, maxAge)
	w.change(func() { w.failures["actor cus_1"] = errDown })
	wantVerdict(t, v, request(t, "", "v1"), "unknown")
	w.change(func() { delete(w.failures, "actor cus_1") })
	wantVerdict(t, v, request(t, "", "v1"), "bearer cus_1")
}

func TestTokenByActorWithoutActors(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.has("authid_1", "customer", "cus_1")
	w.older("v1", "customer", "cus_1")
	v, err := verify.New(verify.Config{Tokens: w, Identities: w, Sessions: w, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, v, request(t, "", "v1"), "nobody, token_dialect")
}
