package identitytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

var linkTests = map[string]func(*storeTest){
	"makes it the actor": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_<1>"), "linking")
		got := t.get(i.ID)
		if got.ActorID("customer") != "cus_<1>" || string(got.AppMetadata["customer_id"]) != `"cus_<1>"` || len(got.AppMetadata) != 1 {
			t.Errorf("app metadata is %s", got.AppMetadata)
		}
		if !got.ValidFrom.IsZero() {
			t.Error("linking ended credentials")
		}
		t.want(nil, t.Link(t.Context(), i.ID, "user", "user_1"), "linking another type")
		if got := t.get(i.ID); got.ActorID("user") != "user_1" || got.ActorID("customer") != "cus_<1>" {
			t.Errorf("app metadata is %s", got.AppMetadata)
		}
	},
	"the same again": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		for range 2 {
			t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		}
	},
	"the same as imported": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(`"cus\u005f1"`), "user_id": json.RawMessage(`null`)}
		t.create(i)
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking what is linked")
		t.want(nil, t.Link(t.Context(), i.ID, "user", "user_1"), "linking in place of null")
		if got := t.get(i.ID); got.ActorID("customer") != "cus_1" || got.ActorID("user") != "user_1" {
			t.Errorf("app metadata is %s", got.AppMetadata)
		}
	},
	"another": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		t.want(identity.ErrLinked, t.Link(t.Context(), i.ID, "customer", "cus_2"), "linking another")
		if got := t.get(i.ID); got.ActorID("customer") != "cus_1" {
			t.Errorf("app metadata is %s", got.AppMetadata)
		}
	},
	"nobody": func(t *storeTest) {
		t.want(identity.ErrNotFound, t.Link(t.Context(), "authid_01TEST", "customer", "cus_1"), "linking nobody")
		t.want(identity.ErrNotFound, t.Link(t.Context(), "", "customer", "cus_1"), "linking nobody")
		_, err := t.Identity(t.Context(), "authid_01TEST")
		t.want(identity.ErrNotFound, err, "reading nobody")
	},
	"20 others at once": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		errs := t.parallel(20, func(n int) error { return t.Link(t.Context(), i.ID, "customer", fmt.Sprintf("cus_%d", n)) })
		winner := t.oneSucceeds(errs, identity.ErrLinked)
		if got := t.get(i.ID).ActorID("customer"); got != fmt.Sprintf("cus_%d", winner) {
			t.Errorf("linked is %s, %d succeeded", got, winner)
		}
	},
	"20 times the same at once": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		for _, err := range t.parallel(20, func(int) error { return t.Link(t.Context(), i.ID, "customer", "cus_1") }) {
			t.want(nil, err, "linking")
		}
	},
}

var unlinkTests = map[string]func(*storeTest){
	"an actor that nobody has": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		for _, actor := range [][2]string{{"customer", "cus_2"}, {"user", "cus_1"}, {"", ""}} {
			_, err := t.Unlink(t.Context(), actor[0], actor[1], t.nextSecond())
			t.want(identity.ErrNotFound, err, "unlinking "+actor[1])
		}
		if got := t.get(i.ID); got.ActorID("customer") != "cus_1" || !got.ValidFrom.IsZero() {
			t.Errorf("read %+v", got)
		}
	},
	"an actor that was refused to another": func(t *storeTest) {
		a := t.create(t.person(1, "a@shop.example"), t.person(2, "b@shop.example"))
		b := t.person(2, "")
		t.want(nil, t.Link(t.Context(), a.ID, "customer", "cus_1"), "linking")
		t.want(nil, t.Link(t.Context(), b.ID, "customer", "cus_2"), "linking")
		t.want(identity.ErrLinked, t.Link(t.Context(), b.ID, "customer", "cus_1"), "linking another")
		t.unlink(a.ID, "customer", "cus_1")
		t.get(b.ID)
	},
	"one of two": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		t.want(nil, t.Link(t.Context(), i.ID, "user", "user_1"), "linking")
		t.unlink(i.ID, "customer", "cus_1")
		got := t.get(i.ID)
		if len(got.AppMetadata) != 1 || got.ActorID("user") != "user_1" || !got.ValidFrom.Equal(t.nextSecond()) {
			t.Errorf("read %+v", got)
		}
		t.holds(i.ID, "a@shop.example")
		_, err := t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond())
		t.want(identity.ErrNotFound, err, "unlinking again")
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking again")
		t.unlink(i.ID, "customer", "cus_1")
	},
	// What was issued at the old ValidFrom was issued before the unlinking.
	"raises ValidFrom in any case": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.ValidFrom = t.nextSecond()
		i.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(`"cus_1"`), "user_id": json.RawMessage(`null`)}
		t.create(i)
		t.unlink(i.ID, "customer", "cus_1")
		if got := t.get(i.ID); !got.ValidFrom.Equal(i.ValidFrom.Add(time.Second)) {
			t.Errorf("ValidFrom is %v, was %v", got.ValidFrom, i.ValidFrom)
		}
	},
	"the last deletes the identity": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.Providers["google"] = t.entry("google", "1", "")
		t.create(i)
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		t.openReset(i.ID, 1)
		t.unlink(i.ID, "customer", "cus_1")
		_, err := t.Identity(t.Context(), i.ID)
		t.want(identity.ErrNotFound, err, "reading")
		t.holds("", "a@shop.example")
		t.want(identity.ErrNotFound, t.CheckReset(t.Context(), i.ID, "emailpass", hash(1)), "its reset")
		again := t.person(2, "a@shop.example")
		again.Providers["google"] = t.entry("google", "1", "")
		t.create(again)
		t.holds(again.ID, "a@shop.example")
	},
	"of an imported identity": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(` "cus\u005f1" `)}
		t.create(i)
		t.unlink(i.ID, "customer", "cus_1")
		t.holds("", "a@shop.example")
	},
	"of two identities": func(t *storeTest) {
		a := t.create(t.person(1, "a@shop.example"), t.person(2, "b@shop.example"))
		b := t.person(2, "")
		t.want(nil, t.Link(t.Context(), b.ID, "customer", "cus_1"), "linking")
		t.want(nil, t.Link(t.Context(), a.ID, "customer", "cus_1"), "linking")
		want := []string{a.ID, b.ID}
		if ids, err := t.Holders(t.Context(), "customer", "cus_1"); err != nil || !slices.Equal(ids, want) {
			t.Errorf("%s have it, %v, want %s", ids, err, want)
		}
		if ids, err := t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond()); err != nil || !slices.Equal(ids, want) {
			t.Errorf("unlinked %s, %v, want %s", ids, err, want)
		}
		if ids, err := t.Holders(t.Context(), "customer", "cus_1"); err != nil || len(ids) > 0 {
			t.Errorf("%s have it, %v", ids, err)
		}
		t.holds("", "a@shop.example")
		t.holds("", "b@shop.example")
	},
	"20 at once find it once": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		ids := make([][]string, 20)
		errs := t.parallel(20, func(n int) (err error) {
			ids[n], err = t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond())
			return err
		})
		if winner := t.oneSucceeds(errs, identity.ErrNotFound); !slices.Equal(ids[winner], []string{i.ID}) {
			t.Errorf("returned %s, want %s", ids[winner], i.ID)
		}
		t.holds("", "a@shop.example")
	},
	"while it is linked": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.AppMetadata = identity.Metadata{"user_id": json.RawMessage(`"user_1"`)}
		t.create(i)
		errs := t.parallel(20, func(n int) error {
			if n%2 == 0 {
				return t.Link(t.Context(), i.ID, "customer", "cus_1")
			}
			_, err := t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond())
			return err
		})
		for n, err := range errs {
			if err != nil && (n%2 == 0 || !slices.Contains([]error{identity.ErrNotFound}, err)) {
				t.Fatalf("%d: %v", n, err)
			}
		}
		// Whoever was last, an actor that is linked can be unlinked.
		if t.get(i.ID).ActorID("customer") != "" {
			t.unlink(i.ID, "customer", "cus_1")
		}
		if got := t.get(i.ID); got.ActorID("customer") != "" || got.ActorID("user") != "user_1" {
			t.Errorf("read %+v", got)
		}
	},
}

// unlink fails the test unless that identity has the actor.
func (t *storeTest) unlink(id, actorType, actorID string) {
	t.Helper()
	got, err := t.Unlink(t.Context(), actorType, actorID, t.nextSecond())
	t.want(nil, err, "unlinking "+actorID)
	if !slices.Equal(got, []string{id}) {
		t.Fatalf("%s was linked to %s, want %s", actorID, got, id)
	}
}
