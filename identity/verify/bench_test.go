package verify_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// one is a store of one identity and one session.
type one struct{ record []byte }

func (*one) State(context.Context, string) (identity.State, error) { return identity.State{}, nil }

func (s *one) LoadSession(context.Context, string) ([]byte, error) { return s.record, nil }

func (s *one) SaveSession(_ context.Context, _ string, record []byte, _ time.Duration) error {
	s.record = record
	return nil
}

func (s *one) ReplaceSession(ctx context.Context, sid string, _, record []byte, ttl time.Duration) error {
	return s.SaveSession(ctx, sid, record, ttl)
}

func (*one) DeleteSession(context.Context, string) error { return nil }

func (*one) ListSession(context.Context, string, identity.SessionEntry, string) ([]string, error) {
	return nil, nil
}

func (*one) SeeSession(context.Context, string, string, time.Time, time.Time) error { return nil }

func (*one) UnlistSessions(context.Context, string, ...string) error { return nil }

func (*one) ListedSessions(context.Context, string) ([]identity.SessionEntry, error) { return nil, nil }

// What a request costs whose credential was seen before, with the real tokens
// and sessions: this is in the way of everything that is proxied.
func BenchmarkRequest(b *testing.B) {
	const secret = "0123456789abcdef0123456789abcdef"
	key, err := token.NewSecret(identity.NewSecret(secret), false)
	if err != nil {
		b.Fatal(err)
	}
	ring, err := token.NewRing(token.Config{Keys: []token.Key{key}})
	if err != nil {
		b.Fatal(err)
	}
	store := new(one)
	sessions, err := session.NewManager(session.Config{Secrets: []identity.Secret{identity.NewSecret(secret)}, Store: store})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	claims := identity.Claims{
		ActorID: "cus_01M7ZGFXGPG36TS347VNFWCBA0", ActorType: "customer",
		IdentityID: "authid_01M7ZGFXCPEBDV33HJKCJAF3EE", Provider: "emailpass",
		AppMetadata: identity.Metadata{"customer_id": []byte(`"cus_01M7ZGFXGPG36TS347VNFWCBA0"`)}, UserMetadata: []byte("{}"),
		IssuedAt: now.Unix(), ExpiresAt: now.Add(24 * time.Hour).Unix(),
	}
	raw, err := ring.Access(claims)
	if err != nil {
		b.Fatal(err)
	}
	started, err := sessions.Start(b.Context(), "", claims, false)
	if err != nil {
		b.Fatal(err)
	}
	cookie, _, _ := strings.Cut(started.SetCookie, ";")
	others := "_ga=GA1.1.1234567890.1234567890; _medusa_cart_id=cart_01M7ZGFXGPG36TS347VNFWCBA0; "

	for _, bench := range []struct {
		name    string
		header  http.Header
		maxAge  time.Duration
		callers int
	}{
		{"anonymous", http.Header{"Cookie": {others}}, time.Minute, 0},
		{"bearer-warm", http.Header{"Authorization": {"Bearer " + raw}}, time.Minute, 1},
		{"session-warm", http.Header{"Cookie": {others + cookie}}, time.Minute, 1},
		{"both-warm", http.Header{"Cookie": {others + cookie}, "Authorization": {"Bearer " + raw}}, time.Minute, 2},
		{"bearer-strict", http.Header{"Authorization": {"Bearer " + raw}}, 0, 1},
		{"session-strict", http.Header{"Cookie": {others + cookie}}, 0, 1},
	} {
		v, err := verify.New(verify.Config{Tokens: ring, Identities: store, Sessions: sessions, MaxAge: bench.maxAge})
		if err != nil {
			b.Fatal(err)
		}
		r := (&http.Request{Header: bench.header}).WithContext(b.Context())
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				result, err := v.Request(r)
				if err != nil || len(result.Callers) != bench.callers {
					b.Fatalf("%d callers, error %v", len(result.Callers), err)
				}
			}
		})
	}
}
