package identitytest

import (
	"encoding/json"
	"fmt"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

var createTests = map[string]func(*storeTest){
	"nil means stored": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.get(i.ID)
		t.holds(i.ID, "a@shop.example")
	},
	"a key that is taken": func(t *storeTest) {
		a := t.create(t.person(1, "a@shop.example"))
		b := t.person(2, "a@shop.example")
		t.want(identity.ErrExists, t.Create(t.Context(), b), "creating another")
		t.holds(a.ID, "a@shop.example")
		_, err := t.Identity(t.Context(), b.ID)
		t.want(identity.ErrNotFound, err, "reading the other")
	},
	"an id that is taken": func(t *storeTest) {
		a := t.create(t.person(1, "a@shop.example"))
		t.want(identity.ErrExists, t.Create(t.Context(), t.person(1, "b@shop.example")), "creating another")
		t.holds("", "b@shop.example")
		t.holds(a.ID, "a@shop.example")
	},
	"all keys or none": func(t *storeTest) {
		a := t.create(t.person(1, "1"))
		for n, taken := range []string{"emailpass", "google", "github"} {
			if taken != "emailpass" {
				other := t.person(10+n, "other "+taken)
				other.Providers[taken] = t.entry(taken, "1", "")
				t.create(other)
			}
			b := t.person(2, "2")
			b.Providers = map[string]identity.ProviderIdentity{}
			for _, provider := range []string{"emailpass", "google", "github"} {
				key := "2"
				if provider == taken {
					key = "1"
				}
				b.Providers[provider] = t.entry(provider, key, "")
			}
			t.want(identity.ErrExists, t.Create(t.Context(), b), taken+" is taken")
			for provider, p := range b.Providers {
				if provider == taken {
					continue
				}
				_, err := t.Find(t.Context(), provider, p.Key)
				t.want(identity.ErrNotFound, err, "finding by "+provider)
			}
		}
		t.holds(a.ID, "1")
		c := t.person(3, "2")
		c.Providers["google"], c.Providers["github"] = t.entry("google", "2", ""), t.entry("github", "2", "")
		t.create(c)
		for provider := range c.Providers {
			i, err := t.Find(t.Context(), provider, "2")
			t.want(nil, err, "finding by "+provider)
			if i.ID != c.ID {
				t.Errorf("%s finds %s", provider, i.ID)
			}
		}
	},
	"what cannot be kept": func(t *storeTest) {
		for name, spoil := range map[string]func(*identity.Identity){
			"no id":                        func(i *identity.Identity) { i.ID = "" },
			"an id with braces":            func(i *identity.Identity) { i.ID = "authid_{1}" },
			"no provider":                  func(i *identity.Identity) { i.Providers = nil },
			"no key":                       func(i *identity.Identity) { i.Providers["emailpass"] = t.entry("emailpass", "", "") },
			"a key that is no text":        func(i *identity.Identity) { i.Providers["emailpass"] = t.entry("emailpass", "\xff", "") },
			"a credential that is no text": func(i *identity.Identity) { i.Providers["emailpass"] = t.entry("emailpass", "a", "\xff") },
			"metadata that is no JSON":     func(i *identity.Identity) { i.AppMetadata = identity.Metadata{"a": json.RawMessage(`{`)} },
			"user metadata that is a list": func(i *identity.Identity) {
				p := i.Providers["emailpass"]
				p.UserMetadata = json.RawMessage(`[]`)
				i.Providers["emailpass"] = p
			},
		} {
			i := t.person(1, "a@shop.example")
			spoil(i)
			if err := t.Create(t.Context(), i); identity.CodeOf(err) != identity.CodeInternal {
				t.Errorf("%s: got %v, want %s", name, err, identity.CodeInternal)
			}
		}
		t.holds("", "a@shop.example")
	},
	"100 at once give one": func(t *storeTest) {
		errs := t.parallel(100, func(n int) error { return t.Create(t.Context(), t.person(n, "a@shop.example")) })
		winner := t.oneSucceeds(errs, identity.ErrExists)
		t.holds(t.person(winner, "").ID, "a@shop.example")
		for n := range 100 {
			if n == winner {
				continue
			}
			_, err := t.Identity(t.Context(), t.person(n, "").ID)
			t.want(identity.ErrNotFound, err, "reading a loser")
		}
		if got := t.get(t.person(winner, "").ID); got.Providers["emailpass"].Credential.Reveal() != fmt.Sprintf("hash %d", winner) {
			t.Error("the winner has the credential of another")
		}
	},
	"of one id at once give one": func(t *storeTest) {
		errs := t.parallel(20, func(n int) error { return t.Create(t.Context(), t.person(1, fmt.Sprintf("%d@shop.example", n))) })
		winner := t.oneSucceeds(errs, identity.ErrExists)
		for n := range 20 {
			want := ""
			if n == winner {
				want = t.person(1, "").ID
			}
			t.holds(want, fmt.Sprintf("%d@shop.example", n))
		}
	},
	"of overlapping keys at once": func(t *storeTest) {
		// Each shares one key with the one before it and one with the one after
		// it, so no two neighbours may exist, and one of any three must.
		const n = 12
		make := func(i int) *identity.Identity {
			p := t.person(i, fmt.Sprint(i))
			p.Providers["emailpass"] = t.entry("emailpass", fmt.Sprint(i/2), "")
			p.Providers["google"] = t.entry("google", fmt.Sprint((i+1)/2), "")
			return p
		}
		errs := t.parallel(n, func(i int) error { return t.Create(t.Context(), make(i)) })
		before := true
		for i, err := range errs {
			if err != nil {
				t.want(identity.ErrExists, err, "creating")
				_, err := t.Identity(t.Context(), make(i).ID)
				t.want(identity.ErrNotFound, err, "reading one that was refused")
				before = false
				continue
			}
			if i > 0 && before {
				t.Errorf("%d and %d share a key and exist both", i-1, i)
			}
			before = true
			for provider, p := range make(i).Providers {
				found, err := t.Find(t.Context(), provider, p.Key)
				t.want(nil, err, "finding one that was created")
				if found.ID != make(i).ID {
					t.Errorf("%s %s finds %s, want %s", provider, p.Key, found.ID, make(i).ID)
				}
			}
		}
	},
}

var replaceTests = map[string]func(*storeTest){
	"stores next": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		old := i.Providers["emailpass"]
		t.clock.Forward(1)
		next := old
		next.Credential, next.UserMetadata = identity.NewSecret("new"), json.RawMessage(`{"a":1}`)
		t.want(nil, t.ReplaceCredential(t.Context(), i.ID, old, next), "replacing")
		got := t.get(i.ID)
		if p := got.Providers["emailpass"]; p.Credential != next.Credential || string(p.UserMetadata) != `{"a":1}` || p.Key != old.Key {
			t.Errorf("read %+v", p)
		}
		if !got.ValidFrom.IsZero() {
			t.Error("a replaced credential ended others")
		}
		t.holds(i.ID, "a@shop.example")
	},
	"stale": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		old := i.Providers["emailpass"]
		next := t.entry("emailpass", "a@shop.example", "new")
		t.want(nil, t.ReplaceCredential(t.Context(), i.ID, old, next), "replacing")
		t.want(identity.ErrStale, t.ReplaceCredential(t.Context(), i.ID, old, t.entry("emailpass", "a@shop.example", "third")), "replacing what was replaced")
		if got := t.get(i.ID).Providers["emailpass"].Credential; got != next.Credential {
			t.Errorf("stored is %q", got.Reveal())
		}
	},
	"gone": func(t *storeTest) {
		e := t.entry("emailpass", "a@shop.example", "")
		t.want(identity.ErrNotFound, t.ReplaceCredential(t.Context(), "authid_01TEST", e, e), "replacing nobody's")
		t.want(identity.ErrNotFound, t.ReplaceCredential(t.Context(), "", e, e), "replacing nobody's")
		i := t.create(t.person(1, "a@shop.example"))
		g := t.entry("google", "a@shop.example", "")
		t.want(identity.ErrNotFound, t.ReplaceCredential(t.Context(), i.ID, g, g), "replacing what there is not")
	},
	"of another key": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		err := t.ReplaceCredential(t.Context(), i.ID, i.Providers["emailpass"], t.entry("emailpass", "b@shop.example", "new"))
		if identity.CodeOf(err) != identity.CodeInternal {
			t.Errorf("got %v, want %s", err, identity.CodeInternal)
		}
	},
	"20 at once give one": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		entry := func(n int) identity.ProviderIdentity {
			return t.entry("emailpass", "a@shop.example", fmt.Sprintf("new %d", n))
		}
		errs := t.parallel(20, func(n int) error {
			return t.ReplaceCredential(t.Context(), i.ID, i.Providers["emailpass"], entry(n))
		})
		winner := t.oneSucceeds(errs, identity.ErrStale)
		if got := t.get(i.ID).Providers["emailpass"].Credential; got != entry(winner).Credential {
			t.Errorf("stored is %q, %d succeeded", got.Reveal(), winner)
		}
	},
}
