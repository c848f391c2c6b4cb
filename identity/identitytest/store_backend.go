package identitytest

import "github.com/caddy-commerce/auth-sidecar/identity"

var backendTests = map[string]func(*storeTest){
	"IsKeptFromTheCreation": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.BackendID = "authid_there"
		t.create(i)
		t.known(i.ID, "authid_there")
		t.known(t.create(t.person(2, "b@shop.example")).ID, "")
	},
	"IsSetOnce": func(t *storeTest) {
		id := t.create(t.person(1, "a@shop.example")).ID
		for range 2 { // an answer may be lost
			t.want(nil, t.SetBackend(t.Context(), id, "", "authid_there"), "setting it")
			t.known(id, "authid_there")
		}
		t.want(identity.ErrStale, t.SetBackend(t.Context(), id, "", "authid_other"), "setting another")
		t.want(identity.ErrStale, t.SetBackend(t.Context(), id, "authid_old", "authid_other"), "replacing what it was not")
		t.known(id, "authid_there")
		t.want(nil, t.SetBackend(t.Context(), id, "authid_there", "authid_other"), "replacing it")
		t.known(id, "authid_other")
	},
	"ChangesNothingElse": func(t *storeTest) {
		id := t.create(t.person(1, "a@shop.example")).ID
		t.want(nil, t.Link(t.Context(), id, "customer", "cus_1"), "linking")
		t.want(nil, t.SetBackend(t.Context(), id, "", "authid_there"), "setting it")
		i := t.get(id)
		if i.ActorID("customer") != "cus_1" || i.Providers["emailpass"].Credential.Reveal() != "hash 1" || !i.ValidFrom.IsZero() {
			t.Errorf("got %+v", i)
		}
		t.holds(id, "a@shop.example")
	},
	"OfNobody": func(t *storeTest) {
		t.want(identity.ErrNotFound, t.SetBackend(t.Context(), t.person(1, "a").ID, "", "authid_there"), "setting it")
	},
	"ByMany": func(t *storeTest) {
		id := t.create(t.person(1, "a@shop.example")).ID
		ids := []string{"authid_a", "authid_b", "authid_c", "authid_d"}
		winner := t.oneSucceeds(t.parallel(len(ids), func(n int) error {
			return t.SetBackend(t.Context(), id, "", ids[n])
		}), identity.ErrStale)
		t.known(id, ids[winner])
	},
}

// known fails the test unless the backend knows the identity by that id.
func (t *storeTest) known(id, backendID string) {
	t.Helper()
	if got := t.get(id).BackendID; got != backendID {
		t.Errorf("the backend knows %s as %q, want %q", id, got, backendID)
	}
}
