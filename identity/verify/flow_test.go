package verify_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// anyone is a provider with which everybody is who they say.
type anyone struct{}

func (anyone) DisplayName() string { return "Anyone" }
func (anyone) Flow() identity.Flow { return identity.FlowCredentials }

func (anyone) Authenticate(ctx context.Context, accounts identity.Accounts, in identity.Input) (*identity.Identity, error) {
	name, _ := in.Text("name")
	i, err := accounts.Find(ctx, name)
	if err != nil {
		i, err = accounts.Create(ctx, identity.ProviderIdentity{EntityID: name, Key: name})
	}
	return i, err
}

func (anyone) Keys(identifier string) []string { return []string{identifier} }

func (anyone) NewCredential(context.Context, identity.Input) (identity.Secret, error) {
	return identity.NewSecret("new"), nil
}

// requests keeps the latest reset request.
type requests struct{ latest identity.ResetRequest }

func (q *requests) Enqueue(_ context.Context, r identity.ResetRequest) error {
	q.latest = r
	return nil
}

// nodes are two processes on one store, with everything real but the time.
type nodes struct {
	*identity.Service
	requests requests
	tokens   *token.Ring
	sessions *session.Manager
	own      *verify.Verifier // hears of revocations
	other    *verify.Verifier // does not: its subscription is cut
	mu       sync.Mutex
	now      time.Time
	nextID   int
}

func (n *nodes) clock() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

func newNodes(t *testing.T) *nodes {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	n := &nodes{now: start}
	embedded, err := redisstore.NewEmbedded()
	must(err)
	t.Cleanup(func() { must(embedded.Close()) })
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second, Clock: n.clock})
	must(err)
	secret := identity.NewSecret("0123456789abcdef0123456789abcdef")
	key, err := token.NewSecret(secret, false)
	must(err)
	n.tokens, err = token.NewRing(token.Config{Keys: []token.Key{key}, Clock: n.clock})
	must(err)
	n.sessions, err = session.NewManager(session.Config{Secrets: []identity.Secret{secret}, Store: store, Clock: n.clock})
	must(err)
	config := verify.Config{Tokens: n.tokens, Identities: store, Sessions: n.sessions, MaxAge: maxAge, Clock: n.clock}
	n.own, err = verify.New(config)
	must(err)
	n.other, err = verify.New(config)
	must(err)
	n.Service, err = identity.NewService(identity.Config{
		Store: store, Providers: []identity.NamedProvider{{ID: "anyone", Provider: anyone{}}}, Resets: &n.requests, Tokens: n.tokens,
		Clock: n.clock, Revoked: n.own.Forget,
		NewID: func() string { n.nextID++; return fmt.Sprint(n.nextID) },
	})
	must(err)
	return n
}

// login returns requests with a bearer token and with a session of the person,
// who is linked to actors of both types.
func (n *nodes) login(t *testing.T) (id string, bearer, cookie *http.Request) {
	t.Helper()
	in := identity.Input{Body: map[string]any{"name": "ann"}}
	l, err := n.Authenticate(t.Context(), "customer", "anyone", in)
	if err != nil {
		t.Fatal(err)
	}
	for actorType, actorID := range map[string]string{"customer": "cus_1", "robot": "robot_1"} {
		if err := n.Link(t.Context(), l.Claims.IdentityID, actorType, actorID); err != nil {
			t.Fatal(err)
		}
	}
	if l, err = n.Authenticate(t.Context(), "customer", "anyone", in); err != nil {
		t.Fatal(err)
	}
	raw, err := n.tokens.Access(l.Claims)
	if err != nil {
		t.Fatal(err)
	}
	started, err := n.sessions.Start(t.Context(), "", l.Claims, false)
	if err != nil {
		t.Fatal(err)
	}
	cookie = request(t, "", "")
	value, _, _ := strings.Cut(started.SetCookie, ";")
	cookie.Header.Set("Cookie", "theme=dark; "+value)
	return l.Claims.IdentityID, request(t, "", raw), cookie
}

// What ends credentials ends them at once where it happened, and elsewhere when
// the age of the answer is over, though nobody hears of it. A login afterwards
// is good at once. (attacks.md F2, F5)
func TestRevocationReachesEveryNode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		revoke func(t *testing.T, n *nodes) error
		want   string
	}{
		{"new password", func(t *testing.T, n *nodes) error {
			if err := n.RequestReset(t.Context(), "customer", "anyone", "ann", nil); err != nil {
				return err
			}
			message, err := n.IssueReset(t.Context(), n.requests.latest)
			if err != nil {
				return err
			}
			return n.Update(t.Context(), "customer", "anyone", message.Token.Reveal(), identity.Input{})
		}, "nobody, revoked"},
		{"actor deleted", func(t *testing.T, n *nodes) error {
			return n.Unlink(t.Context(), "customer", "cus_1")
		}, "nobody, revoked"},
		{"all actors deleted", func(t *testing.T, n *nodes) error {
			if err := n.Unlink(t.Context(), "robot", "robot_1"); err != nil {
				return err
			}
			return n.Unlink(t.Context(), "customer", "cus_1")
		}, "nobody, identity_gone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := newNodes(t)
			id, bearer, cookie := n.login(t)
			all := func(v *verify.Verifier, forBearer, forSession string) {
				t.Helper()
				wantVerdict(t, v, bearer, forBearer)
				wantVerdict(t, v, cookie, forSession)
			}
			all(n.own, "bearer cus_1", "session cus_1")
			all(n.other, "bearer cus_1", "session cus_1")
			if err := test.revoke(t, n); err != nil {
				t.Fatal(err)
			}
			all(n.own, test.want, test.want)
			all(n.other, "bearer cus_1", "session cus_1")
			n.mu.Lock()
			n.now = n.now.Add(maxAge)
			n.mu.Unlock()
			all(n.own, test.want, test.want)
			all(n.other, test.want, test.want)

			again, bearer, cookie := n.login(t)
			for _, v := range []*verify.Verifier{n.own, n.other} {
				wantVerdict(t, v, bearer, "bearer cus_1")
				wantVerdict(t, v, cookie, "session cus_1")
			}
			if gone := test.want == "nobody, identity_gone"; (again != id) != gone {
				t.Errorf("identity %s, then %s", id, again)
			}
		})
	}
}

// A login in the very second of the revocation holds, and so does what the
// backend is sent for it.
func TestLoginInTheSecondOfARevocation(t *testing.T) {
	t.Parallel()
	n := newNodes(t)
	_, bearer, _ := n.login(t)
	if err := n.Unlink(t.Context(), "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, n.own, bearer, "nobody, revoked")
	_, bearer, cookie := n.login(t)
	wantVerdict(t, n.own, bearer, "bearer cus_1")
	result, err := n.own.Request(cookie)
	if err != nil || result.Anonymous() {
		t.Fatal(result, err)
	}
	forwarded := request(t, "", "")
	forwarded.Header.Set("Authorization", authorization(t, verify.NewMinter(n.tokens, n.clock), result.Callers[0]))
	wantVerdict(t, n.own, forwarded, "bearer cus_1")
}

// Tokens count in the field and nowhere else. (attacks.md E3, E9)
func TestTokensElsewhere(t *testing.T) {
	t.Parallel()
	n := newNodes(t)
	_, bearer, _ := n.login(t)
	raw, _ := verify.BearerToken(bearer.Header)
	elsewhere := request(t, "", "")
	elsewhere.URL = &url.URL{Path: "/", RawQuery: "token=" + raw + "&access_token=" + raw + "&jwt=" + raw}
	for _, field := range []string{"X-Auth-Token", "X-Medusa-Access-Token", "Proxy-Authorization", "Authorization_", "Sec-Websocket-Protocol"} {
		elsewhere.Header.Set(field, "Bearer "+raw)
	}
	elsewhere.Header.Set("Cookie", "token="+raw+"; access_token="+raw)
	wantVerdict(t, n.own, elsewhere, "nobody")
	elsewhere.Header.Set("Cookie", "connect.sid="+raw)
	wantVerdict(t, n.own, elsewhere, "nobody, session_cookie_invalid")

	if err := n.RequestReset(t.Context(), "customer", "anyone", "ann", nil); err != nil {
		t.Fatal(err)
	}
	message, err := n.IssueReset(t.Context(), n.requests.latest)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		wantVerdict(t, n.own, request(t, "", message.Token.Reveal()), "nobody, token_purpose")
	}
}
