package identity_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Nothing is sent to the third party, and nothing kept, for a callback URL that
// is not permitted. (attacks.md D1)
func TestCallbackURL(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	const refused = "invalid_data: callback_url must be one of the addresses that the provider is configured with"
	for _, test := range []struct {
		body map[string]any
		want string
	}{
		{nil, "ok"},
		{map[string]any{}, "ok"},
		{map[string]any{"callback_url": nil}, "ok"},
		{map[string]any{"callback_url": callbackURL}, "ok"},
		{map[string]any{"callback_url": "https://evil.example"}, "invalid_data: callback_url is not on the list"},
		{map[string]any{"callback_url": ""}, refused},
		{map[string]any{"callback_url": 5}, refused},
		{map[string]any{"callback_url": true}, refused},
		{map[string]any{"callback_url": []any{callbackURL}}, refused},
		{map[string]any{"callback_url": map[string]any{}}, refused},
	} {
		r.store.called()
		located := len(r.google.located)
		_, err := r.Authenticate(t.Context(), "customer", "google", identity.Input{Host: shopHost, Body: test.body})
		wantAnswer(t, err, test.want)
		if err != nil && (identity.ReasonOf(err) != "callback_url_refused" || len(r.google.located) != located || len(r.store.called()) != 0) {
			t.Errorf("%v: %v, sent to the third party or kept", test.body, err)
		}
	}
	// The query does not count (reference medusa-v2, section 4).
	in := identity.Input{Host: shopHost, Query: map[string]string{"callback_url": "https://evil.example"}}
	if _, err := r.Authenticate(t.Context(), "customer", "google", in); err != nil {
		t.Error(err)
	}
}

// The order is that of Medusa: error, code, state. (reference medusa-v2, section 4)
func TestCallbackAnswers(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	query := func(pairs ...string) identity.Input {
		in := identity.Input{Host: shopHost, Query: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			in.Query[pairs[i]] = pairs[i+1]
		}
		return in
	}
	good := r.begin(t, "google", identity.Input{})
	for name, test := range map[string]struct {
		in           identity.Input
		want, reason string
	}{
		"error":           {query("error", "access_denied", "error_description", "No <b>", "error_uri", "https://idp.example/x", "state", good), "unauthorized: No <b>, read more at: https://idp.example/x", "provider_error"},
		"error, no words": {query("error", "x", "code", "ann", "state", good), "unauthorized: undefined, read more at: undefined", "provider_error"},
		"empty words":     {query("error", "x", "error_description", ""), "unauthorized: , read more at: undefined", "provider_error"},
		"no code":         {query("state", good), "unauthorized: No code provided", "code_missing"},
		"empty code":      {query("code", "", "state", good), "unauthorized: No code provided", "code_missing"},
		"neither":         {query(), "unauthorized: No code provided", "code_missing"},
		"empty error":     {query("error", "", "code", "ann"), noState, "state_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Callback(t.Context(), "customer", "google", test.in)
			wantRefused(t, err, test.want, test.reason)
		})
	}
	_, err := r.Authenticate(t.Context(), "customer", "google", query("error", "x", "error_description", "No"))
	wantRefused(t, err, "unauthorized: No, read more at: undefined", "provider_error")

	// None of them used the attempt up. The code may be in the body, and one in the
	// query comes first.
	in := query("state", good)
	in.Body = map[string]any{"code": "ann"}
	l, err := r.Callback(t.Context(), "customer", "google", in)
	if err != nil || r.subject(t, l.Claims.IdentityID, "google") != "ann" {
		t.Error(l, err)
	}
	in = back(r.begin(t, "google", identity.Input{}), "bob")
	in.Body = map[string]any{"code": "ann"}
	l, err = r.Callback(t.Context(), "customer", "google", in)
	if err != nil || r.subject(t, l.Claims.IdentityID, "google") != "bob" {
		t.Error(l, err)
	}
	for _, code := range []any{nil, "", 5, true, []any{"ann"}} {
		in = query("state", good)
		in.Body = map[string]any{"code": code}
		_, err = r.Callback(t.Context(), "customer", "google", in)
		wantRefused(t, err, "unauthorized: No code provided", "code_missing")
	}
}

// Texts of strangers are cut, and remain texts.
func TestThirdPartyTextsAreCut(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	in := identity.Input{Query: map[string]string{"error": "x", "error_description": strings.Repeat("x", 255) + "ä", "error_uri": strings.Repeat("u", 1<<20)}}
	_, err := r.Callback(t.Context(), "customer", "google", in)
	got := answer(err)
	if want := "unauthorized: " + strings.Repeat("x", 255) + ", read more at: " + strings.Repeat("u", 256); got != want || !utf8.ValidString(got) {
		t.Errorf("%d bytes: %.300q", len(got), got)
	}
}

// subject returns what the provider calls the person.
func (r *realm) subject(t testing.TB, id, provider string) string {
	t.Helper()
	return r.identity(t, id).Providers[provider].EntityID
}

// The first log-in makes an identity, the next ones find it and store only what
// changed.
func TestThirdPartyMetadata(t *testing.T) {
	t.Parallel()
	const first, second = `{"name":"Ann"}`, `{"name":"Anna"}`
	for name, fresh := range map[string]bool{"fresh": true, "first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			var id string
			for n, step := range []struct {
				says, email, want, calls string
			}{
				{first, "ann@example.com", first, "Find Create"},
				{first, "ann@example.com", first, "Find"},
				{second, "ann@example.com", map[bool]string{true: second, false: first}[fresh], map[bool]string{true: "Find ReplaceCredential", false: "Find"}[fresh]},
				{second, "", map[bool]string{true: second, false: first}[fresh], "Find ReplaceCredential"},
				{second, "anna@example.com", map[bool]string{true: second, false: first}[fresh], "Find ReplaceCredential"},
			} {
				r.google.set(identity.Profile{UserMetadata: []byte(step.says), Fresh: fresh, VerifiedEmail: step.email}, nil)
				state := r.begin(t, "google", identity.Input{})
				r.store.called()
				r.forward(time.Second)
				l, err := r.Callback(t.Context(), "customer", "google", back(state, "ann"))
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					id = l.Claims.IdentityID
				}
				own := r.identity(t, id).Providers["google"]
				if l.Claims.IdentityID != id || string(l.Claims.UserMetadata) != step.want || string(own.UserMetadata) != step.want || own.VerifiedEmail != step.email {
					t.Errorf("step %d: claims %s, stored %+v", n, encode(t, l.Claims), own)
				}
				if calls := strings.Join(r.store.called(), " "); calls != "TakeAttempt "+step.calls {
					t.Errorf("step %d: asked for %s", n, calls)
				}
			}
		})
	}
}

// Nobody is anybody without a name that the third party has for them.
func TestSubjectUnusable(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.google.blank = true
	_, err := r.come(t, "google", "ann")
	wantRefused(t, err, "unauthorized: Authentication failed", "subject_unusable")
	r.google.blank = false
	_, err = r.come(t, "google", strings.Repeat("x", 256))
	wantRefused(t, err, "unauthorized: Authentication failed", "subject_unusable")
	if _, err = r.come(t, "google", strings.Repeat("x", 255)); err != nil {
		t.Error(err)
	}
}

// The same person comes twice at once for the first time: one identity.
func TestSamePersonTwice(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	const times = 10
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		ids = map[string]bool{}
	)
	for range times {
		state := r.begin(t, "google", identity.Input{})
		wg.Go(func() {
			l, err := r.Callback(context.WithoutCancel(t.Context()), "customer", "google", back(state, "ann"))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[l.Claims.IdentityID] = true
		})
	}
	wg.Wait()
	if len(ids) != 1 {
		t.Errorf("%d identities", len(ids))
	}
}

// Whoever cannot be asked now may be asked again: the browser repeats the
// callback as it is. Who refuses does not get a second chance.
func TestAttemptSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	providerDown := identity.Unavailable("provider_unreachable", errors.New("timeout"))
	for name, test := range map[string]struct {
		provider error
		store    []string
		want     string
		again    string
	}{
		"provider down":       {providerDown, nil, unavailable, "ok"},
		"store down":          {nil, []string{"Find"}, unavailable, "ok"},
		"store down later":    {nil, []string{"Create"}, unavailable, "ok"},
		"provider refuses":    {&identity.Error{Code: identity.CodeUnauthorized, Reason: "code_refused", Message: "no"}, nil, "unauthorized: no", noState},
		"nothing can be kept": {providerDown, []string{"KeepAttempt"}, unavailable, noState},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			state := r.begin(t, "google", identity.Input{})
			r.google.set(identity.Profile{}, test.provider)
			r.store.fails(errDown, test.store...)
			_, err := r.Callback(t.Context(), "customer", "google", back(state, "ann"))
			wantAnswer(t, err, test.want)
			r.google.set(identity.Profile{}, nil)
			r.store.fails(nil)
			_, err = r.Callback(t.Context(), "customer", "google", back(state, "ann"))
			wantAnswer(t, err, test.again)
			_, err = r.Callback(t.Context(), "customer", "google", back(state, "ann"))
			wantAnswer(t, err, noState)
		})
	}
}

// An outage does not prolong an attempt either, and who gives up the request does
// not give up the attempt.
func TestAttemptAfterAnOutage(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	state := r.begin(t, "google", identity.Input{})
	ctx, cancel := context.WithCancel(t.Context())
	r.google.during = cancel
	_, err := r.Callback(ctx, "customer", "google", back(state, "ann"))
	wantAnswer(t, err, unavailable)
	r.google.during = nil
	r.forward(9 * time.Minute)
	if _, err := r.Callback(t.Context(), "customer", "google", back(state, "ann")); err != nil {
		t.Error(err)
	}

	state = r.begin(t, "google", identity.Input{})
	r.google.set(identity.Profile{}, errDown)
	_, err = r.Callback(t.Context(), "customer", "google", back(state, "ann"))
	wantAnswer(t, err, unavailable)
	r.google.set(identity.Profile{}, nil)
	r.forward(10 * time.Minute)
	_, err = r.Callback(t.Context(), "customer", "google", back(state, "ann"))
	wantAnswer(t, err, noState)
}

// What a third party says of a person is not stored over a newer account.
func TestProviderRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	if _, err := r.come(t, "google", "ann"); err != nil {
		t.Fatal(err)
	}
	r.google.set(identity.Profile{UserMetadata: []byte(`{"name":"Anna"}`), Fresh: true}, nil)
	for _, err := range []error{identity.ErrStale, identity.ErrNotFound} {
		state := r.begin(t, "google", identity.Input{})
		r.store.fails(err, "ReplaceCredential")
		_, got := r.Callback(t.Context(), "customer", "google", back(state, "ann"))
		wantRefused(t, got, unavailable, "identity_contended")
		r.store.fails(nil)
	}
}
