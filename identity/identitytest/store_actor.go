package identitytest

import (
	"encoding/json"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

var actorTests = map[string]func(*storeTest){
	"nobody": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.AppMetadata = identity.Metadata{"user_id": json.RawMessage(`null`), "x_id": json.RawMessage(`""`)}
		t.create(i)
		for _, actor := range [][2]string{{"customer", "cus_1"}, {"user", ""}, {"user", "null"}, {"x", ""}, {"", ""}} {
			_, err := t.ByActor(t.Context(), actor[0], actor[1])
			t.want(identity.ErrNotFound, err, "looking for "+actor[0]+" "+actor[1])
		}
	},
	"created with it": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(`"cus_<1>"`)}
		t.create(i)
		t.wantActor("customer", "cus_<1>", i.ID)
		_, err := t.ByActor(t.Context(), "user", "cus_<1>")
		t.want(identity.ErrNotFound, err, "looking for another type")
	},
	"linked, and no more": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		t.want(nil, t.Link(t.Context(), i.ID, "user", "usr_1"), "linking")
		t.wantActor("customer", "cus_1", i.ID)
		t.wantActor("user", "usr_1", i.ID)
		_, err := t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond())
		t.want(nil, err, "unlinking")
		_, err = t.ByActor(t.Context(), "customer", "cus_1")
		t.want(identity.ErrNotFound, err, "looking for who was unlinked")
		t.wantActor("user", "usr_1", i.ID)
	},
	"the first of several": func(t *storeTest) {
		first := t.create(t.person(1, "a@shop.example"))
		second := t.create(t.person(2, "b@shop.example"))
		t.want(nil, t.Link(t.Context(), second.ID, "customer", "cus_1"), "linking")
		t.want(nil, t.Link(t.Context(), first.ID, "customer", "cus_1"), "linking")
		t.wantActor("customer", "cus_1", min(first.ID, second.ID))
	},
	"who is gone": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		_, err := t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond())
		t.want(nil, err, "unlinking the last actor")
		_, err = t.ByActor(t.Context(), "customer", "cus_1")
		t.want(identity.ErrNotFound, err, "looking for who is gone")
	},
}

func (t *storeTest) wantActor(actorType, actorID, id string) {
	t.Helper()
	i, err := t.ByActor(t.Context(), actorType, actorID)
	t.want(nil, err, "looking for an actor")
	if i.ID != id || i.ActorID(actorType) != actorID || len(i.Providers) != 1 {
		t.Errorf("found %+v, want %s", i, id)
	}
}
