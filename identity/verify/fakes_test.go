package verify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// start is when tests begin, a time that no clock rounds.
var start = time.Date(2026, 11, 21, 16, 54, 34, 263_000_000, time.UTC)

// errDown is what a store says that cannot be asked.
var errDown = identity.Unavailable("store_refused", errors.New("connection refused"))

// world is all that a Verifier asks: tokens, identities, sessions and the time.
// It counts the questions.
type world struct {
	mu         sync.Mutex
	now        time.Time
	leeway     time.Duration
	tokens     map[string]identity.Claims
	valid      map[string]time.Time // since when, by identity
	sessions   map[string]*session.Record
	backendIDs map[string]string // by identity
	actors     map[string]string // identities by actor, such as `customer cus_1`
	failures   map[string]error  // by question, such as `state authid_1`
	asked      map[string]int
	// during is called while a question is under way: the store has looked
	// already, its answer has not arrived.
	during func(question string)
}

func newWorld() *world {
	return &world{
		now: start, tokens: map[string]identity.Claims{}, valid: map[string]time.Time{}, backendIDs: map[string]string{}, actors: map[string]string{},
		sessions: map[string]*session.Record{}, failures: map[string]error{}, asked: map[string]int{},
	}
}

func (w *world) newVerifier(t testing.TB, maxAge time.Duration) *verify.Verifier {
	t.Helper()
	v, err := verify.New(verify.Config{Tokens: w, Identities: w, Sessions: w, Actors: w, MaxAge: maxAge, Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// change lets the test change the world while requests run.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) forward(d time.Duration) { w.change(func() { w.now = w.now.Add(d) }) }

// count returns how often the question was asked.
func (w *world) count(question string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[question]
}

// ask notes a question and looks for the answer, which arrives when during ends.
func ask[V any](w *world, question string, look func() (V, error)) (V, error) {
	w.mu.Lock()
	w.asked[question]++
	value, err := look()
	if failure := w.failures[question]; failure != nil {
		err = failure
	}
	during := w.during
	w.mu.Unlock()
	if during != nil {
		during(question)
	}
	return value, err
}

// State implements verify.Identities.
func (w *world) State(_ context.Context, id string) (identity.State, error) {
	return ask(w, "state "+id, func() (identity.State, error) {
		validFrom, ok := w.valid[id]
		if !ok {
			return identity.State{}, identity.ErrNotFound
		}
		return identity.State{ValidFrom: validFrom, BackendID: w.backendIDs[id]}, nil
	})
}

// ByActor implements verify.Actors.
func (w *world) ByActor(_ context.Context, actorType, actorID string) (*identity.Identity, error) {
	return ask(w, "actor "+actorID, func() (*identity.Identity, error) {
		id, ok := w.actors[actorType+" "+actorID]
		if !ok {
			return nil, identity.ErrNotFound
		}
		return &identity.Identity{
			ID: id, AppMetadata: identity.Metadata{actorType + "_id": []byte(`"` + actorID + `"`)},
			Providers: map[string]identity.ProviderIdentity{"emailpass": {UserMetadata: []byte(`{"first_name":"J"}`)}},
		}, nil
	})
}

// ParseAccess implements verify.Tokens.
func (w *world) ParseAccess(raw string) (*identity.Claims, error) {
	return ask(w, "parse "+raw, func() (*identity.Claims, error) {
		c, ok := w.tokens[raw]
		if !ok {
			return nil, &identity.Error{Code: identity.CodeUnauthorized, Reason: "token_signature"}
		}
		if w.now.Unix() >= c.ExpiresAt+int64(w.leeway/time.Second) {
			return nil, &identity.Error{Code: identity.CodeUnauthorized, Reason: "token_expired"}
		}
		return &c, nil
	})
}

// Access implements verify.AccessTokens.
func (w *world) Access(c identity.Claims) (string, error) {
	return ask(w, "mint "+c.ActorType, func() (string, error) {
		return fmt.Sprintf("minted for %s %s from %d to %d", c.ActorType, c.ActorID, c.IssuedAt, c.ExpiresAt), nil
	})
}

const cookie = "connect.sid="

// FromRequest implements verify.Sessions.
func (w *world) FromRequest(h http.Header) (string, bool) {
	sid, ok := strings.CutPrefix(h.Get("Cookie"), cookie)
	return sid, ok && !strings.HasPrefix(sid, "forged")
}

// Presented implements verify.Sessions.
func (w *world) Presented(h http.Header) bool { return strings.HasPrefix(h.Get("Cookie"), cookie) }

// Load implements verify.Sessions.
func (w *world) Load(_ context.Context, sid string) (*session.Record, error) {
	return ask(w, "load "+sid, func() (*session.Record, error) {
		record, ok := w.sessions[sid]
		if !ok {
			return nil, fmt.Errorf("loading a session: %w", identity.ErrNotFound)
		}
		return record, nil
	})
}

// claims are those of a person who logged in now.
func (w *world) claims(id, actorType, actorID string) identity.Claims {
	return identity.Claims{
		ActorID: actorID, ActorType: actorType, IdentityID: id, Provider: "emailpass",
		IssuedAt: w.now.Unix(), ExpiresAt: w.now.Add(24 * time.Hour).Unix(),
	}
}

// login makes a token for a person who exists.
func (w *world) login(raw, id, actorType, actorID string) {
	w.change(func() {
		w.valid[id] = time.Time{}
		w.tokens[raw] = w.claims(id, actorType, actorID)
	})
}

// session makes a session of these logins, the latest first.
func (w *world) session(sid string, logins ...identity.Claims) {
	w.change(func() {
		record := &session.Record{Latest: logins[0].ActorType, Contexts: map[string]identity.Claims{}}
		for _, c := range logins {
			w.valid[c.IdentityID] = time.Time{}
			record.Contexts[c.ActorType] = c
		}
		w.sessions[sid] = record
	})
}

// request carries a session cookie, a bearer token, both or, with "", none.
func request(t testing.TB, sid, raw string) *http.Request {
	r := (&http.Request{Header: http.Header{}}).WithContext(t.Context())
	if sid != "" {
		r.Header.Set("Cookie", cookie+sid)
	}
	if raw != "" {
		r.Header.Set("Authorization", "Bearer "+raw)
	}
	return r
}

// verdict is what the verifier makes of a request: the actors that were proven
// and why somebody was not, or `unknown`.
func verdict(t testing.TB, v *verify.Verifier, r *http.Request) string {
	t.Helper()
	result, err := v.Request(r)
	if err != nil {
		if code := identity.CodeOf(err); code != identity.CodeUnavailable {
			t.Errorf("an unknown has code %q: %v", code, err)
		}
		return "unknown"
	}
	var words []string
	for _, c := range result.Callers {
		words = append(words, fmt.Sprintf("%s %s", c.Method, c.Claims.ActorID))
	}
	if result.Anonymous() {
		words = append(words, "nobody")
	}
	if result.Refused != "" {
		words = append(words, result.Refused)
	}
	return strings.Join(words, ", ")
}

func wantVerdict(t testing.TB, v *verify.Verifier, r *http.Request, want string) {
	t.Helper()
	if got := verdict(t, v, r); got != want {
		t.Errorf("verdict %q, want %q", got, want)
	}
}
