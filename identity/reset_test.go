package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// ask requests a reset and returns the request as it was queued.
func ask(t testing.TB, r *realm, identifier string) identity.ResetRequest {
	t.Helper()
	if err := r.RequestReset(t.Context(), "customer", "emailpass", identifier, nil); err != nil {
		t.Fatal(err)
	}
	return r.queue.requests[len(r.queue.requests)-1]
}

// issue returns the token for a request, "" if nobody is to be told.
func issue(t testing.TB, r *realm, request identity.ResetRequest) string {
	t.Helper()
	n, err := r.IssueReset(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if n == nil {
		return ""
	}
	return n.Token.Reveal()
}

// reset gives an identity another password.
func reset(t testing.TB, r *realm, email, password string) {
	t.Helper()
	token := issue(t, r, ask(t, r, email))
	if err := r.Update(t.Context(), "customer", "emailpass", token, credentials("", password)); err != nil {
		t.Fatal(err)
	}
}

// Known and unknown identifiers are queued alike, and nobody looks. (attacks.md
// H1, H2; reference medusa-v2, section 9)
func TestRequestReset(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.register(t, "ann@example.com", "secret")
	r.store.called()
	metadata := json.RawMessage(`{"lang":"de"}`)
	for _, identifier := range []string{"ann@example.com", "bob@example.com", "not an address", "", strings.Repeat("a", 1024)} {
		if err := r.RequestReset(t.Context(), "customer", "emailpass", identifier, metadata); err != nil {
			t.Errorf("%.20q: %v", identifier, err)
		}
		q := r.queue.requests[len(r.queue.requests)-1]
		if q.Identifier != identifier || q.ActorType != "customer" || q.Provider != "emailpass" || !q.AskedAt.Equal(start) || string(q.Metadata) != `{"lang":"de"}` {
			t.Errorf("queued %+v", q)
		}
	}
	seen := map[string]bool{}
	for _, q := range r.queue.requests {
		if q.ID == "" || seen[q.ID] {
			t.Errorf("the id %q is not unique", q.ID)
		}
		seen[q.ID] = true
	}
	if err := r.RequestReset(t.Context(), "customer", "emailpass", strings.Repeat("a", 1025), nil); err != nil || len(r.queue.requests) != 5 {
		t.Errorf("an identifier that is too long: %v, %d requests", err, len(r.queue.requests))
	}
	if calls := r.store.called(); len(calls) > 0 {
		t.Errorf("the store was asked: %v", calls)
	}
}

func TestRequestResetAnswers(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	for _, test := range []struct {
		actorType, provider string
		metadata            string
		queue               error
		want                string
	}{
		{"customer", "google", "", nil, "ok"}, // as Medusa; nobody will be told
		{"user", "google", "", nil, "not_allowed: The actor type user is not allowed to use the auth provider google"},
		{"customer", "emailpass", "", errDown, unavailable},
		{"customer", "emailpass", "{" + strings.Repeat(" ", 4094) + "}", nil, "ok"},
		{"customer", "emailpass", "{" + strings.Repeat(" ", 4095) + "}", nil, "invalid_data: Invalid request: Field 'metadata' may have 4096 bytes"},
	} {
		r.queue.err = test.queue
		err := r.RequestReset(t.Context(), test.actorType, test.provider, "ann@example.com", json.RawMessage(test.metadata))
		wantAnswer(t, err, test.want)
	}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestIssueReset(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.register(t, "Ann@example.com", "secret")
	request := ask(t, r, "ANN@EXAMPLE.COM")
	request.ActorType = "user" // any actor type will do
	r.forward(time.Minute)
	n, err := r.IssueReset(t.Context(), request)
	if err != nil || n == nil {
		t.Fatal(n, err)
	}
	// The address is the one that is stored, whatever was asked for.
	if n.ID != request.ID || n.Name != "auth.password_reset" || n.EntityID != "Ann@example.com" || n.ActorType != "user" || n.Provider != "emailpass" ||
		string(n.Metadata) != "{}" || !n.CreatedAt.Equal(start) || !n.ExpiresAt.Equal(start.Add(15*time.Minute)) {
		t.Errorf("notification %+v", n)
	}
	c, err := r.tokens.ParseReset(n.Token.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	want := identity.ResetClaims{
		EntityID: "Ann@example.com", Provider: "emailpass", ActorType: "user", Purpose: "reset",
		IssuedAt: start.Unix(), ExpiresAt: start.Add(15 * time.Minute).Unix(), ID: c.ID,
	}
	if *c != want || !uuid.MatchString(c.ID) {
		t.Errorf("claims %+v", c)
	}
	// At every attempt the same, with what the client wanted passed on.
	request.Metadata = json.RawMessage(`{"lang":"de"}`)
	r.forward(time.Minute)
	again, err := r.IssueReset(t.Context(), request)
	if err != nil || again == nil || again.Token != n.Token || string(again.Metadata) != `{"lang":"de"}` {
		t.Errorf("again: %+v, %v", again, err)
	}
	// Another request is another reset.
	other := request
	other.ID += "2"
	other.AskedAt = other.AskedAt.Add(2 * time.Minute)
	if token := issue(t, r, other); token == "" || token == n.Token.Reveal() {
		t.Errorf("another request: token %q", token)
	}
}

// Nobody is told, and it is no error.
func TestIssueResetInVain(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.register(t, "ann@example.com", "secret")
	for name, change := range map[string]func(*identity.ResetRequest){
		"unknown identifier":         func(q *identity.ResetRequest) { q.Identifier = "bob@example.com" },
		"no identifier":              func(q *identity.ResetRequest) { q.Identifier = "" },
		"impossible identifier":      func(q *identity.ResetRequest) { q.Identifier = "a b" },
		"provider without passwords": func(q *identity.ResetRequest) { q.Provider = "google" },
		"unknown provider":           func(q *identity.ResetRequest) { q.Provider = "nope" },
		"expired":                    func(q *identity.ResetRequest) { q.AskedAt = start.Add(-15 * time.Minute) },
		"long expired":               func(q *identity.ResetRequest) { q.AskedAt = time.Time{} },
	} {
		request := ask(t, r, "ann@example.com")
		change(&request)
		if n, err := r.IssueReset(t.Context(), request); n != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
	request := ask(t, r, "ann@example.com")
	request.AskedAt = start.Add(-15*time.Minute + 1)
	if issue(t, r, request) == "" {
		t.Error("a request of almost 15 minutes ago came to nothing")
	}
}

var errMint = errors.New("no key")

type brokenTokens struct{ identity.ResetTokens }

func (brokenTokens) Reset(identity.ResetClaims) (identity.Secret, error) {
	return identity.Secret{}, fmt.Errorf("minting: %w", errMint)
}

func TestIssueResetCannotMint(t *testing.T) {
	t.Parallel()
	r := newRealm(t, func(c *identity.Config) { c.Tokens = brokenTokens{c.Tokens} })
	r.register(t, "ann@example.com", "secret")
	if n, err := r.IssueReset(t.Context(), ask(t, r, "ann@example.com")); n != nil || !errors.Is(err, errMint) {
		t.Errorf("%+v, %v", n, err)
	}
}

// Whichever order they are handled in, the request that was made last wins.
// (attacks.md G1)
func TestLaterRequestWins(t *testing.T) {
	t.Parallel()
	for _, lateFirst := range []bool{false, true} {
		t.Run(fmt.Sprintf("later one first: %v", lateFirst), func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			r.register(t, "ann@example.com", "secret")
			early := ask(t, r, "ann@example.com")
			r.forward(time.Minute) // until then the early one is protected
			late := ask(t, r, "Ann@example.com")
			var tokens [2]string
			order := []int{0, 1}
			if lateFirst {
				order = []int{1, 0}
			}
			for _, n := range order {
				tokens[n] = issue(t, r, []identity.ResetRequest{early, late}[n])
			}
			if (tokens[0] == "") != lateFirst || tokens[1] == "" {
				t.Errorf("tokens %q", tokens)
			}
			if tokens[0] != "" {
				wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", tokens[0], credentials("", "changed")), invalidToken)
			}
			wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", tokens[1], credentials("", "changed")), "ok")
			// Neither comes back to life.
			for name, request := range map[string]identity.ResetRequest{"early": early, "late": late} {
				if token := issue(t, r, request); token != "" {
					t.Errorf("the %s one was revived", name)
				}
				for _, token := range tokens {
					wantAnswer(t, r.Update(t.Context(), "customer", "emailpass", token, credentials("", "again")), invalidToken)
				}
			}
			r.forward(time.Millisecond)
			if issue(t, r, ask(t, r, "ann@example.com")) == "" {
				t.Error("a new request after the change came to nothing")
			}
		})
	}
}
