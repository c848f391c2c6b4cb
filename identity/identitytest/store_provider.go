package identitytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// subject is the key that the tests give away.
const subject = "1234"

// anytime is a ValidFrom that no revocation comes after.
var anytime = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// google returns what the third party says of the person, in the way of the nth.
func (t *storeTest) google(n int) identity.ProviderIdentity {
	p := t.entry("google", subject, "")
	p.UserMetadata = json.RawMessage(fmt.Sprintf(`{"n":%d,"name":"<K&r>"}`, n))
	p.VerifiedEmail = "käthe@mail.example"
	return p
}

// linked fails the test unless the subject finds that identity, "" for none, and
// that identity has it.
func (t *storeTest) linked(id string) {
	t.Helper()
	if found := t.foundOrFree("google", subject); found != id {
		t.Fatalf("the subject finds %q, want %q", found, id)
	}
	if id == "" {
		return
	}
	if p := t.get(id).Providers["google"]; p.Key != subject || p.Provider != "google" {
		t.Fatalf("%s has %+v", id, p)
	}
}

// taken fails the test unless nobody but that identity can get the subject.
func (t *storeTest) taken(id string) {
	t.Helper()
	t.linked(id)
	other := t.person(90, "other@shop.example")
	other.Providers["google"] = t.google(90)
	t.want(identity.ErrExists, t.Create(t.Context(), other), "creating another with the subject")
	delete(other.Providers, "google")
	t.create(other)
	t.want(identity.ErrExists, t.AddProvider(t.Context(), other.ID, t.google(90), anytime), "giving the subject to another")
	t.linked(id)
}

var addTests = map[string]func(*storeTest){
	"gives it one more": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		p := t.google(1)
		t.want(nil, t.AddProvider(t.Context(), i.ID, p, anytime), "adding")
		got := t.get(i.ID)
		p.UpdatedAt = milli(p.UpdatedAt)
		if !reflect.DeepEqual(got.Providers["google"], p) {
			t.Errorf("read   %+v\nstored %+v", got.Providers["google"], p)
		}
		if len(got.Providers) != 2 || got.Providers["emailpass"].Credential.Reveal() != "hash 1" || got.ActorID("customer") != "cus_1" || !got.ValidFrom.IsZero() {
			t.Errorf("read %+v", got)
		}
		t.holds(i.ID, "a@shop.example")
		t.taken(i.ID)
	},
	"the same again": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		for n := range 3 {
			t.want(nil, t.AddProvider(t.Context(), i.ID, t.google(n), anytime), "adding")
		}
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.entry("emailpass", "a@shop.example", "new"), anytime), "adding what it was created with")
		if got := t.get(i.ID).Providers["emailpass"].Credential.Reveal(); got != "hash 1" {
			t.Errorf("the credential is %q", got)
		}
		t.taken(i.ID)
	},
	"another of the provider": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.google(1), anytime), "adding")
		t.want(identity.ErrLinked, t.AddProvider(t.Context(), i.ID, t.entry("google", "5678", ""), anytime), "adding another")
		t.want(identity.ErrLinked, t.AddProvider(t.Context(), i.ID, t.entry("emailpass", "b@shop.example", ""), anytime), "adding another")
		if found := t.foundOrFree("google", "5678"); found != "" {
			t.Errorf("what was refused finds %s", found)
		}
		t.holds("", "b@shop.example")
		t.taken(i.ID)
	},
	"one of another identity": func(t *storeTest) {
		a, b := t.person(1, "a@shop.example"), t.person(2, "b@shop.example")
		t.create(a, b)
		t.want(nil, t.AddProvider(t.Context(), a.ID, t.google(1), anytime), "adding")
		t.want(identity.ErrExists, t.AddProvider(t.Context(), b.ID, t.google(2), anytime), "adding it to another")
		t.want(identity.ErrExists, t.AddProvider(t.Context(), b.ID, t.google(3), anytime), "adding it to another, again")
		if got := t.get(b.ID); len(got.Providers) != 1 {
			t.Errorf("read %+v", got)
		}
		t.want(nil, t.AddProvider(t.Context(), b.ID, t.entry("google", "5678", ""), anytime), "adding one that is free")
		t.taken(a.ID)
	},
	"after a revocation": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.ValidFrom = t.nextSecond()
		t.create(i)
		add := func(validFrom time.Time) error { return t.AddProvider(t.Context(), i.ID, t.google(1), validFrom) }
		for _, before := range []time.Time{{}, i.ValidFrom.Add(-time.Second)} {
			t.want(identity.ErrStale, add(before), "adding")
			t.linked("")
		}
		t.want(nil, add(i.ValidFrom), "adding, as of now")
		t.taken(i.ID)
		t.want(identity.ErrStale, add(time.Time{}), "adding the same again")
		if got := t.get(i.ID); !got.ValidFrom.Equal(i.ValidFrom) {
			t.Errorf("ValidFrom is %v", got.ValidFrom)
		}
	},
	"while it is revoked": func(t *storeTest) {
		for range 5 {
			t := t.again()
			i := t.create(t.person(1, "a@shop.example"))
			t.openReset(i.ID, 1)
			errs := t.parallel(10, func(n int) error {
				if n == 0 {
					return t.dropping(i.ID, dropAll)
				}
				return t.AddProvider(t.Context(), i.ID, t.google(n), time.Time{})
			})
			t.want(nil, errs[0], "finishing a reset")
			for _, err := range errs[1:] {
				if !errors.Is(err, identity.ErrStale) {
					t.nilOrUnavailable(err, "adding")
				}
			}
			t.linked("")
			t.settledAs(i.ID, true)
		}
	},
	"nobody": func(t *storeTest) {
		for _, id := range []string{"authid_01TEST", "", "a}{b"} {
			t.want(identity.ErrNotFound, t.AddProvider(t.Context(), id, t.google(1), anytime), "adding to nobody")
		}
		t.linked("")
	},
	"what cannot be kept": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		for name, p := range map[string]identity.ProviderIdentity{
			"no provider":                t.entry("", "1", ""),
			"no key":                     t.entry("google", "", ""),
			"a key that is no text":      t.entry("google", "\xff", ""),
			"an address that is no text": {Provider: "google", EntityID: "1", Key: "1", VerifiedEmail: "\xff"},
			"metadata that is a list":    {Provider: "google", EntityID: "1", Key: "1", UserMetadata: json.RawMessage(`[]`)},
		} {
			if err := t.AddProvider(t.Context(), i.ID, p, anytime); identity.CodeOf(err) != identity.CodeInternal {
				t.Errorf("%s: got %v, want %s", name, err, identity.CodeInternal)
			}
		}
	},
	"to 50 at once gives one": func(t *storeTest) {
		for n := range 50 {
			t.create(t.person(n, fmt.Sprint(n)))
		}
		errs := t.parallel(50, func(n int) error { return t.AddProvider(t.Context(), t.person(n, "").ID, t.google(n), anytime) })
		winner := t.oneSucceeds(errs, identity.ErrExists)
		for n := range 50 {
			want := 1
			if n == winner {
				want = 2
			}
			if got := t.get(t.person(n, "").ID); len(got.Providers) != want {
				t.Errorf("read %+v", got)
			}
		}
		t.taken(t.person(winner, "").ID)
	},
	"while others are created with it": func(t *storeTest) {
		const half = 20
		for n := range half {
			t.create(t.person(n, fmt.Sprint(n)))
		}
		errs := t.parallel(2*half, func(n int) error {
			i := t.person(n, fmt.Sprint(n))
			if n < half {
				return t.AddProvider(t.Context(), i.ID, t.google(n), anytime)
			}
			i.Providers = map[string]identity.ProviderIdentity{"google": t.google(n)}
			return t.Create(t.Context(), i)
		})
		t.taken(t.person(t.oneSucceeds(errs, identity.ErrExists), "").ID)
	},
	"20 of a provider at once": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		errs := t.parallel(20, func(n int) error {
			return t.AddProvider(t.Context(), i.ID, t.entry("google", fmt.Sprint(n), ""), anytime)
		})
		winner := t.oneSucceeds(errs, identity.ErrLinked)
		for n := range 20 {
			want := ""
			if n == winner {
				want = i.ID
			}
			if found := t.foundOrFree("google", fmt.Sprint(n)); found != want {
				t.Errorf("%d finds %q, want %q", n, found, want)
			}
		}
	},
	"20 times the same at once": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		for _, err := range t.parallel(20, func(n int) error { return t.AddProvider(t.Context(), i.ID, t.google(n), anytime) }) {
			t.want(nil, err, "adding")
		}
		t.taken(i.ID)
	},
	"while the identity is deleted": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		errs := t.parallel(20, func(n int) error {
			if n > 0 {
				return t.AddProvider(t.Context(), i.ID, t.google(n), anytime)
			}
			_, err := t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond())
			return err
		})
		t.want(nil, errs[0], "unlinking")
		for _, err := range errs[1:] {
			if err != nil {
				t.want(identity.ErrNotFound, err, "adding")
			}
		}
		t.linked("")
		again := t.person(2, "a@shop.example")
		again.Providers["google"] = t.google(2)
		t.create(again)
		t.taken(again.ID)
	},
}
