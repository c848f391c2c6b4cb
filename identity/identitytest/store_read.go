package identitytest

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

var identityTests = map[string]func(*storeTest){
	"no such id": func(t *storeTest) {
		for _, id := range []string{"authid_01TEST", "", "{}", "a}{b", "a b", "a:b"} {
			_, err := t.Identity(t.Context(), id)
			t.want(identity.ErrNotFound, err, "reading "+id)
		}
	},
	"everything is kept": func(t *storeTest) {
		i := t.person(1, "käthe@shop.example")
		i.AppMetadata = identity.Metadata{
			"customer_id": json.RawMessage(`"cus_1"`), "user_id": json.RawMessage(`null`), "": json.RawMessage(`{"b": [1.50,"<&>"]}`),
		}
		emailpass := i.Providers["emailpass"]
		emailpass.UserMetadata = json.RawMessage(`{"name":"<K&r>","n":1.50}`)
		google := t.entry("google", "1234", "")
		google.VerifiedEmail = "käthe@mail.example"
		i.Providers = map[string]identity.ProviderIdentity{"emailpass": emailpass, "google": google}
		i.ValidFrom = t.nextSecond()
		t.create(i)
		// Times are kept to the millisecond.
		i.CreatedAt, i.UpdatedAt = milli(i.CreatedAt), milli(i.UpdatedAt)
		for provider, p := range i.Providers {
			p.UpdatedAt = milli(p.UpdatedAt)
			i.Providers[provider] = p
		}
		if got := t.get(i.ID); !reflect.DeepEqual(got, i) {
			t.Errorf("read   %+v\nstored %+v", got, i)
		}
	},
	"nothing is made up": func(t *storeTest) {
		i := t.create(&identity.Identity{
			ID:        "authid_01TEST",
			Providers: map[string]identity.ProviderIdentity{"google": {Provider: "google", EntityID: "1", Key: "1"}},
		})
		got := t.get(i.ID)
		if len(got.AppMetadata) != 0 || !got.ValidFrom.IsZero() || !got.CreatedAt.IsZero() || !got.UpdatedAt.IsZero() {
			t.Errorf("read %+v", got)
		}
		if !reflect.DeepEqual(got.Providers, i.Providers) {
			t.Errorf("read %+v, stored %+v", got.Providers, i.Providers)
		}
	},
	"a context that ended is no answer": func(t *storeTest) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, call := range StoreCalls(t.Store) {
			if err := call(ctx); identity.CodeOf(err) != identity.CodeUnavailable {
				t.Errorf("%s: got %v, want %s", name, err, identity.CodeUnavailable)
			}
		}
	},
}

func milli(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

var findTests = map[string]func(*storeTest){
	"no such key": func(t *storeTest) {
		t.create(t.person(1, "a@shop.example"))
		t.holds("", "b@shop.example")
		t.holds("", "A@SHOP.EXAMPLE")
		_, err := t.Find(t.Context(), "emailpass")
		t.want(identity.ErrNotFound, err, "finding no key")
	},
	"the first key that is taken": func(t *storeTest) {
		a, b := t.person(1, "a@shop.example"), t.person(2, "b@shop.example")
		t.create(a, b)
		for _, test := range []struct {
			keys []string
			want string
		}{
			{[]string{"a@shop.example", "b@shop.example"}, a.ID},
			{[]string{"b@shop.example", "a@shop.example"}, b.ID},
			{[]string{"c@shop.example", "b@shop.example"}, b.ID},
			{[]string{"b@shop.example", "c@shop.example"}, b.ID},
			{[]string{"a@shop.example", "a@shop.example"}, a.ID},
		} {
			i, err := t.Find(t.Context(), "emailpass", test.keys...)
			t.want(nil, err, "finding")
			if i.ID != test.want {
				t.Errorf("%q find %s, want %s", test.keys, i.ID, test.want)
			}
		}
	},
	"within the provider": func(t *storeTest) {
		t.create(t.person(1, "a@shop.example"))
		_, err := t.Find(t.Context(), "google", "a@shop.example")
		t.want(identity.ErrNotFound, err, "finding a key of another provider")
	},
	"costs the same whether or not there is one": func(t *storeTest) {
		t.create(t.person(1, "a@shop.example"))
		cost := func(keys ...string) [2]int {
			commands, trips := t.faults.Sent()
			_, _ = t.Find(t.Context(), "emailpass", keys...)
			after, tripsAfter := t.faults.Sent()
			return [2]int{after - commands, tripsAfter - trips}
		}
		known := cost("a@shop.example", "b@shop.example")
		for _, keys := range [][]string{{"b@shop.example", "a@shop.example"}, {"b@shop.example", "c@shop.example"}} {
			if got := cost(keys...); got != known {
				t.Errorf("%q cost %d commands and round trips, want %d", keys, got, known)
			}
		}
	},
	"gives what Identity gives": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		found, err := t.Find(t.Context(), "emailpass", "a@shop.example")
		t.want(nil, err, "finding")
		if got := t.get(i.ID); !reflect.DeepEqual(found, got) {
			t.Errorf("found %+v, read %+v", found, got)
		}
	},
}
