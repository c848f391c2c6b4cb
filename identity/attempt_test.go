package identity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const noState = "unauthorized: No state provided, or session expired"

// wantRefused checks the answer and the reason in the log.
func wantRefused(t testing.TB, err error, want, reason string) {
	t.Helper()
	wantAnswer(t, err, want)
	if got := identity.ReasonOf(err); got != reason {
		t.Errorf("reason %q, want %q", got, reason)
	}
}

// What is sent to the third party cannot be guessed, and differs every time.
func TestAttempt(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	seen := map[string]bool{}
	for range 20 {
		state := r.begin(t, "google", identity.Input{})
		a := r.google.located[len(r.google.located)-1]
		for text, length := range map[string]int{state: 64, a.Verifier.Reveal(): 43, a.Nonce: 43} {
			if len(text) != length || seen[text] {
				t.Errorf("%q: %d characters, seen before: %v", text, len(text), seen[text])
			}
			seen[text] = true
		}
		if a.CallbackURL != callbackURL || a.Provider != "google" || a.ActorType != "customer" || !a.ExpiresAt.Equal(start.Add(10*time.Minute)) {
			t.Errorf("%+v", a)
		}
	}
}

// The provider exchanges the code with what the attempt began with.
func TestAttemptReachesTheExchange(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	if _, err := r.come(t, "google", "ann"); err != nil {
		t.Fatal(err)
	}
	begun, ended := r.google.located[0], r.google.exchanged[0]
	if begun.Verifier != ended.Verifier || begun.Nonce != ended.Nonce || begun.CallbackURL != ended.CallbackURL {
		t.Errorf("%+v, %+v", begun, ended)
	}
}

// Of many callbacks at once one succeeds. (attacks.md D6, D12)
func TestStateOnce(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	state := r.begin(t, "google", identity.Input{})
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		answers = map[string]int{}
	)
	for range 50 {
		wg.Go(func() {
			_, err := r.Callback(context.WithoutCancel(t.Context()), "customer", "google", back(state, "ann"))
			mu.Lock()
			defer mu.Unlock()
			answers[answer(err)]++
		})
	}
	wg.Wait()
	if answers["ok"] != 1 || answers[noState] != 49 || len(r.google.exchanged) != 1 {
		t.Errorf("%v, %d exchanges", answers, len(r.google.exchanged))
	}
	_, err := r.Callback(t.Context(), "customer", "google", back(state, "ann"))
	wantRefused(t, err, noState, "state_unknown")
}

// What is no end of the attempt is refused before the third party is asked, and
// the state is used up. (attacks.md D4)
func TestStateOfAnother(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		actorType, provider string
		change              func(*realm, *identity.Input)
		reason              string // "" if it fits
	}{
		"the same":           {"customer", "google", func(*realm, *identity.Input) {}, ""},
		"in time":            {"customer", "google", func(r *realm, _ *identity.Input) { r.forward(10*time.Minute - 1) }, ""},
		"too late":           {"customer", "google", func(r *realm, _ *identity.Input) { r.forward(10 * time.Minute) }, "state_expired"},
		"another provider":   {"customer", "github", func(*realm, *identity.Input) {}, "state_other_provider"},
		"another actor type": {"vendor", "google", func(*realm, *identity.Input) {}, "state_other_actor_type"},
		"another host":       {"customer", "google", func(_ *realm, in *identity.Input) { in.Host = "evil.example" }, "state_other_host"},
		"another port":       {"customer", "google", func(_ *realm, in *identity.Input) { in.Host += ":8443" }, "state_other_host"},
		"no host":            {"customer", "google", func(_ *realm, in *identity.Input) { in.Host = "" }, "state_other_host"},
		"unknown":            {"customer", "google", func(_ *realm, in *identity.Input) { in.Query["state"] = "x" }, "state_unknown"},
		"other case":         {"customer", "google", func(_ *realm, in *identity.Input) { in.Query["state"] = "A" + in.Query["state"][1:] }, "state_unknown"},
		"empty":              {"customer", "google", func(_ *realm, in *identity.Input) { in.Query["state"] = "" }, "state_missing"},
		"missing":            {"customer", "google", func(_ *realm, in *identity.Input) { delete(in.Query, "state") }, "state_missing"},
		"in the body": {"customer", "google", func(_ *realm, in *identity.Input) {
			in.Body = map[string]any{"state": in.Query["state"]}
			delete(in.Query, "state")
		}, "state_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			state := r.begin(t, "google", identity.Input{})
			in := back(state, "ann")
			test.change(r, &in)
			_, err := r.Callback(t.Context(), test.actorType, test.provider, in)
			if test.reason == "" {
				wantAnswer(t, err, "ok")
				return
			}
			if test.reason == "state_expired" { // or the store forgot it by itself
				if reason := identity.ReasonOf(err); reason != "state_unknown" && reason != "state_expired" {
					t.Errorf("reason %q", reason)
				}
				wantAnswer(t, err, noState)
			} else {
				wantRefused(t, err, noState, test.reason)
			}
			if len(r.google.exchanged) != 0 {
				t.Error("the third party was asked")
			}
			_, err = r.Callback(t.Context(), "customer", "google", back(state, "ann"))
			if kept := test.reason == "state_unknown" || test.reason == "state_missing"; kept != (err == nil) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// A store that is slow to forget does not prolong an attempt.
func TestStateExpiresByTheClock(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	state := r.begin(t, "google", identity.Input{})
	r.store.after = func(method string) {
		if method == "TakeAttempt" {
			r.forward(10 * time.Minute)
		}
	}
	_, err := r.Callback(t.Context(), "customer", "google", back(state, "ann"))
	wantRefused(t, err, noState, "state_expired")
}

// Who may end an attempt. A browser that showed once that it keeps cookies has
// to show the same one; the client of a first log-in may keep none. (attacks.md D3)
func TestBrowser(t *testing.T) {
	t.Parallel()
	var (
		none     = identity.Browser{}
		fresh    = identity.Browser{ID: "ann"}
		ann      = identity.Browser{ID: "ann", Returned: true}
		eve      = identity.Browser{ID: "eve", Returned: true}
		eveFresh = identity.Browser{ID: "eve"}
	)
	for name, test := range map[string]struct {
		begun, ended   identity.Browser
		free, required string // reason with which it is refused, if binding is not required and if it is
	}{
		"keeps cookies":                            {ann, ann, "", ""},
		"its first log-in":                         {fresh, ann, "", ""},
		"keeps none":                               {fresh, eveFresh, "", "browser_unknown"},
		"is told of none":                          {none, none, "", "browser_unknown"},
		"kept cookies, and is another":             {ann, eve, "browser_other", "browser_other"},
		"kept cookies, and brings none":            {ann, eveFresh, "browser_unknown", "browser_unknown"},
		"kept cookies, and brings what it is told": {ann, fresh, "browser_unknown", "browser_unknown"},
		"begun elsewhere, the victim keeps":        {eveFresh, ann, "browser_other", "browser_other"},
		"begun without, the victim keeps":          {none, ann, "browser_other", "browser_other"},
	} {
		for _, required := range []bool{false, true} {
			r := newRealm(t, nil)
			r.google.bind = required
			state := r.begin(t, "google", identity.Input{Browser: test.begun})
			in := back(state, "ann")
			in.Browser = test.ended
			_, err := r.Callback(t.Context(), "customer", "google", in)
			reason := test.free
			if required {
				reason = test.required
			}
			switch {
			case reason == "" && err != nil:
				t.Errorf("%s, required %v: %v", name, required, err)
			case reason != "":
				wantRefused(t, err, noState, reason)
			}
		}
	}
}
