package httpapi_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// goldenAccounts names the exchanges that show the account which was there
// before, where the exchange itself does not: their addresses, passwords, ids
// and metadata are put together. None means that there was no account.
var goldenAccounts = map[string][]string{
	"register: same email and same password before an actor exists": {"register: same email and same password before an actor exists"},
	"register: same address trimmed and lower-cased":                {"login: capitals as registered"},
	"login: upper-cased only address":                               {"login: capitals as registered"},
	"login: password is a number":                                   {"login: success, no actor yet"},
	"login: form with array-like field":                             {"login: success, no actor yet"},
	"login: GET with credentials in query":                          {"login: success, no actor yet"},
	"login: unknown provider, actor without allow list":             {"login: success, no actor yet"},
	"login: provider with other case":                               {"login: success, no actor yet"},
	"register: after the actor was created, same password":          {"login: customer with actor"},
	"refresh: unknown auth identity, with actor":                    {},
	"refresh: unknown auth identity, without actor":                 {},
	"login: old password after reset":                               {"login: after entity_id override attempt"},
	"existing identity: customer registers with the admin's e-mail, admin's password": {
		"invite flow: register the user identity", "refresh: user registration token after accept",
	},
	"existing identity: user register with a customer's e-mail": {
		"existing identity: user register with a customer's e-mail", "existing identity: accept the invite with that token",
	},
	"cors: failed login with an allowed origin":                                {"cors: login with another origin"},
	"sidecar: upstream session from a minted token with a foreign identity id": {},
	"login: stored hash is not 96 bytes":                                       {"login: stored hash is not 96 bytes"},
	"register: identity without a stored password":                             {"register: identity without a stored password"},
}

// goldenHashes replaces the hash of an account's password.
var goldenHashes = map[string]identity.Secret{
	"login: stored hash is not 96 bytes":           identity.NewSecret("c2NyeXB0AA8AAAAIAAAAAQ=="),
	"register: identity without a stored password": {},
}

// goldenResets says what became of the reset before, where it is not the one of
// the token in the request, and open.
var goldenResets = map[string]struct {
	entity, id       string // instead of those in the token
	superseded, used bool
}{
	"update: older reset token after a newer request": {superseded: true},
	"update: minted reset token without jti":          {id: "4f9af5a4-f9ee-49ea-8668-d82683786cb7"},
	"update: minted reset token with unknown jti":     {id: "4f9af5a4-f9ee-49ea-8668-d82683786cb7"},
	"update: real jti, other entity_id":               {entity: "reset.mwqnenhq.1@example.com"},
	"sidecar d7: the same token again":                {used: true},
}

var (
	goldenUser     = regexp.MustCompile(`^/auth/\w+/user$`)
	goldenRegister = regexp.MustCompile(`/register/?$`)
	goldenReset    = regexp.MustCompile(`/reset-password$`)
)

// creates reports whether the exchange made the identity that it names.
func (e *goldenExchange) creates() bool {
	c := e.minted()
	if goldenCallback.MatchString(e.Request.Path) {
		return c != nil && c.ActorID == ""
	}
	return goldenRegister.MatchString(e.Request.Path) && c != nil && !slices.Contains(goldenAccounts[e.Name], e.Name)
}

// goldenAccount is an account as exchanges show it.
type goldenAccount struct {
	id, email, password string
	provider            string // "" is emailpass
	metadata            identity.Metadata
	userMetadata        json.RawMessage
}

// learn adds what an exchange shows.
func (a *goldenAccount) learn(e *goldenExchange) {
	a.email = cmp.Or(a.email, e.member("email"), e.member("identifier"))
	a.password = cmp.Or(a.password, e.member("password"))
	c := e.minted()
	if c != nil {
		a.userMetadata = c.UserMetadata
	} else if c = e.bearer(); c == nil {
		return
	} else if c.Provider != "emailpass" {
		a.userMetadata = c.UserMetadata
	}
	a.id, a.metadata, a.provider = c.IdentityID, c.AppMetadata, c.Provider
}

// prepare brings about the state before the exchange.
func (s *goldenStack) prepare(e *goldenExchange, recording []*goldenExchange) {
	s.t.Helper()
	names, listed := goldenAccounts[e.Name]
	known := e.bearer() != nil || e.minted() != nil && !e.creates() || goldenReset.MatchString(e.Request.Path)
	if !listed && known && e.resetToken() == nil {
		names = []string{e.Name}
	}
	var account goldenAccount
	for _, name := range names {
		account.learn(goldenByName(s.t, recording, name))
	}
	if account.id != "" || account.email != "" {
		s.create(e, account)
	}
	if r := e.resetToken(); r != nil {
		s.prepareReset(e, *r)
	}
	s.prepareAttempt(e)
	if sid := e.requestSID(); sid != "" {
		s.prepareSession(e, sid, recording)
	}
}

// create stores an account as a registration here would have.
func (s *goldenStack) create(e *goldenExchange, a goldenAccount) (id string) {
	s.t.Helper()
	a.id = cmp.Or(a.id, "authid_KNOWN")
	a.email = cmp.Or(a.email, a.id+"@example.com")
	hash, listed := goldenHashes[e.Name]
	if !listed {
		var err error
		if hash, err = s.hasher.Hash(s.t.Context(), cmp.Or(a.password, "a password that nobody types")); err != nil {
			s.t.Fatal(err)
		}
	}
	keys := s.emailpass.Keys(a.email)
	entry := identity.ProviderIdentity{
		Provider: "emailpass", EntityID: strings.TrimSpace(a.email), Key: keys[len(keys)-1],
		UserMetadata: a.userMetadata, Credential: hash, UpdatedAt: e.at,
	}
	if a.provider == "google" || a.provider == "github" {
		entry = identity.ProviderIdentity{
			Provider: a.provider, EntityID: goldenSubject, Key: goldenSubject, UserMetadata: a.userMetadata,
			VerifiedEmail: a.id + "@example.com", UpdatedAt: e.at,
		}
	}
	err := s.store.Create(s.t.Context(), &identity.Identity{
		ID: a.id, AppMetadata: a.metadata, CreatedAt: e.at, UpdatedAt: e.at,
		Providers: map[string]identity.ProviderIdentity{entry.Provider: entry},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return a.id
}

// prepareReset opens the reset of the token.
func (s *goldenStack) prepareReset(e *goldenExchange, r identity.ResetClaims) {
	s.t.Helper()
	change := goldenResets[e.Name]
	if change.entity != "" {
		s.create(e, goldenAccount{id: "authid_OTHER", email: r.EntityID})
	}
	id := s.create(e, goldenAccount{email: cmp.Or(change.entity, r.EntityID)})
	open := func(jti string, at time.Time) {
		err := s.store.OpenReset(s.t.Context(), id, "emailpass", identity.Reset{
			Hash: goldenHash(jti), AskedAt: at, ExpiresAt: at.Add(15 * time.Minute),
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	jti, asked := cmp.Or(change.id, r.ID), time.Unix(r.IssuedAt, 0)
	open(jti, asked)
	if change.superseded {
		open("a later one", asked.Add(time.Second))
	}
	if change.used {
		if err := s.store.CloseReset(s.t.Context(), id, "emailpass", goldenHash(jti)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func goldenHash(jti string) string {
	sum := sha256.Sum256([]byte(jti))
	return hex.EncodeToString(sum[:])
}

// prepareSession stores the session as express-session does (reference
// medusa-v2, section 6): with the claims of the answer that set its cookie, or
// those that the answer to this request shows, or, for a log-out, anybody's.
func (s *goldenStack) prepareSession(e *goldenExchange, sid string, recording []*goldenExchange) {
	s.t.Helper()
	var own, shown, anybody string
	if c := e.minted(); c != nil {
		shown = string(c.raw)
	}
	for _, earlier := range recording[:slices.Index(recording, e)] {
		cookie := earlier.cookie(s.t)
		var answer struct{ User json.RawMessage }
		if cookie == nil || json.Unmarshal([]byte(earlier.Response.Body), &answer) != nil || answer.User == nil {
			continue
		}
		if anybody = string(answer.User); goldenSID(cookie.Value) == sid {
			own = anybody
		}
	}
	const form = `{"cookie":{"originalMaxAge":36000000,"expires":%q,"secure":false,"httpOnly":true,"path":"/","sameSite":false},"auth_context":%s}`
	record := fmt.Sprintf(form, e.at.Add(10*time.Hour).Format("2006-01-02T15:04:05.000Z"), cmp.Or(own, shown, anybody))
	if err := s.store.SaveSession(s.t.Context(), sid, []byte(record), 10*time.Hour); err != nil {
		s.t.Fatal(err)
	}
}
