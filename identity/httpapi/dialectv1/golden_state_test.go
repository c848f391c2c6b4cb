package dialectv1_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// goldenWorld is who exists and is logged in at a moment of the recording.
type goldenWorld struct {
	people   map[string]*goldenPerson     // by id
	sessions map[string]map[string]string // ids by session and actor type
}

// goldenBefore is the world in which the exchange took place: that of all before
// it, and of those whom its own answer shows to have been there.
func goldenBefore(t *testing.T, e *goldenExchange, recording []*goldenExchange) *goldenWorld {
	t.Helper()
	w := &goldenWorld{map[string]*goldenPerson{}, map[string]map[string]string{}}
	for _, seeded := range recording { // those who were there from the beginning
		p := seeded.shown(t)
		if p == nil || p.Email == "" || w.people[p.ID] != nil {
			continue
		}
		if password, ok := goldenSeeds[p.ID]; ok && (p.ID != goldenChecked || strings.HasPrefix(e.Name, "client.")) {
			w.people[p.ID] = p
			p.password = password
		}
	}
	for _, before := range recording {
		if before == e {
			break
		}
		w.pass(t, before)
	}
	if p := e.shown(t); p != nil && !e.registers() {
		known := w.meet(p)
		if !e.resets() && e.member("password") != "" {
			known.password = e.member("password")
		}
		if e.resets() {
			known.password = "forgotten"
		}
	}
	if e.Name == "hash.malformed_hash_is_401" {
		for _, p := range w.people {
			p.unusableCredential = p.Email == e.member("email")
		}
	}
	return w
}

// meet notes a person as an answer shows them.
func (w *goldenWorld) meet(p *goldenPerson) *goldenPerson {
	if known := w.people[p.ID]; known != nil {
		p.password, p.validFrom = known.password, known.validFrom
		if p.Email == "" || p.FirstName == nil && p.CreatedAt.Equal(p.UpdatedAt) { // a token says less
			p.FirstName, p.LastName, p.Phone = known.FirstName, known.LastName, known.Phone
			p.CreatedAt, p.UpdatedAt = known.CreatedAt, known.UpdatedAt
		}
	}
	for id, other := range w.people { // the latest account of an address counts
		if id != p.ID && strings.EqualFold(other.Email, p.Email) {
			delete(w.people, id)
		}
	}
	w.people[p.ID] = p
	return p
}

var goldenDeleted = regexp.MustCompile(`^/admin/(?:users|customers)/(\w+)$`)

// pass takes in what an exchange changed.
func (w *goldenWorld) pass(t *testing.T, e *goldenExchange) {
	t.Helper()
	if m := goldenDeleted.FindStringSubmatch(e.Request.Path); m != nil && e.Request.Method == "DELETE" && e.ok() {
		delete(w.people, m[1])
		return
	}
	if e.ok() && e.is("DELETE", "/store/auth", "/admin/auth") {
		delete(w.sessions[e.sid()], map[string]string{"/store/auth": "customer", "/admin/auth": "user"}[e.path()])
		return
	}
	shown := e.shown(t)
	if shown == nil || shown.Email == "" {
		return
	}
	p := w.meet(shown)
	if chosen := e.member("password"); chosen != "" {
		if p.password != "" && p.password != chosen {
			p.validFrom = e.at(t).Truncate(time.Second).Add(time.Second)
		}
		p.password = chosen
	}
	if e.startsSession() && e.sid() != "" {
		if w.sessions[e.sid()] == nil {
			w.sessions[e.sid()] = map[string]string{}
		}
		w.sessions[e.sid()][p.actorType] = p.ID
	}
}

// newGolden is a server with the configuration, the secrets, the time and the world
// of the recorded one.
func newGolden(t *testing.T, e *goldenExchange, recording []*goldenExchange) *shop {
	t.Helper()
	w := goldenBefore(t, e, recording)
	s := newShop(t, func(set *setup) {
		set.secret, set.cookies, set.now = "ref-jwt-secret", "ref-cookie-secret", e.at(t)
		set.config.MaxBody, set.config.HTTPS, set.config.Logger = 100<<10, forwardedHTTPS, slog.New(slog.DiscardHandler)
		origins := []string{storefront}
		if strings.HasPrefix(e.path(), "/admin/") {
			origins = []string{dashboard}
		}
		switch host := e.Request.Headers["host"]; {
		case strings.HasSuffix(host, ":9101"): // production
			set.sessions = session.Settings{SameSite: session.SameSiteNone, Secure: session.SecureAlways}
		case strings.HasSuffix(host, ":9103"):
			set.sessions, origins = session.Settings{Name: "shop.sid"}, nil
		default:
			set.sessions = session.Settings{Secure: session.SecureNever} // also behind https
		}
		var err error
		set.config.Origins, err = httpapi.ParseOrigins(origins)
		must(t, err)
		if e.registers() {
			id := strings.TrimPrefix(e.shown(t).ID, "cus_")
			set.newID = func() string { return id }
		}
	})
	for _, p := range w.people {
		s.settle(p)
	}
	s.open(e, w)
	return s
}

// settle stores the person.
func (s *shop) settle(p *goldenPerson) {
	s.t.Helper()
	profile := map[string]string{}
	for name, value := range map[string]*string{"first_name": p.FirstName, "last_name": p.LastName, "phone": p.Phone} {
		if value != nil {
			profile[name] = *value
		}
	}
	metadata, err := json.Marshal(profile)
	must(s.t, err)
	credential := identity.NewSecret("malformed")
	if !p.unusableCredential && len(p.password) <= password.MaxBytes {
		credential, err = s.hasher.Hash(s.t.Context(), p.password)
		if p.password == "" {
			credential, err = identity.Secret{}, nil
		}
		must(s.t, err)
	}
	id, err := json.Marshal(p.ID)
	must(s.t, err)
	must(s.t, s.store.Create(s.t.Context(), &identity.Identity{
		ID: "authid_" + p.ID, AppMetadata: identity.Metadata{p.actorType + "_id": id}, ValidFrom: p.validFrom, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		Providers: map[string]identity.ProviderIdentity{"emailpass": {
			Provider: "emailpass", EntityID: p.Email, Key: strings.ToLower(p.Email), Credential: credential, UserMetadata: metadata, UpdatedAt: p.UpdatedAt,
		}},
	}))
}

// Those who were logged in where the recording does not show their log-in.
const (
	goldenCustomer = "cus_01M7ZF120T9321EZHZJVY6FT2C"
	goldenUser     = "usr_01M7ZEYXMEQ6DRPATN4MQ1VYNX"
	goldenChecked  = "cus_01M7ZFJ4THE34YHAHG13F6Y2G8" // by the official client
)

var goldenSeeds = map[string]string{goldenCustomer: "Passw0rd!", goldenUser: "supersecret", goldenChecked: "first-Passw0rd"}

// open stores the session of the request's cookie as it was.
func (s *shop) open(e *goldenExchange, w *goldenWorld) {
	s.t.Helper()
	sid := goldenSID(e.Request.Headers["cookie"])
	contexts := maps.Clone(w.sessions[sid])
	if contexts == nil {
		contexts = map[string]string{}
	}
	forged := strings.HasPrefix(sid, "sidecar") || strings.HasPrefix(sid, "nock") || strings.HasPrefix(sid, "adminmint") // by the recorder, in Redis
	switch {
	case sid == "" || forged:
		return
	case strings.HasPrefix(e.Name, "combined."):
		contexts["user"] = goldenUser
	case len(contexts) == 0 && e.Response.Status < 400:
		if contexts["customer"] = goldenCustomer; strings.HasPrefix(e.path(), "/admin/") {
			contexts = map[string]string{"user": goldenUser}
		}
		if p := e.shown(s.t); p != nil {
			contexts[p.actorType] = p.ID
		}
	}
	record := &session.Record{Contexts: map[string]identity.Claims{}}
	for actorType, id := range contexts {
		if w.people[id] == nil {
			continue // deleted meanwhile
		}
		record.Latest = actorType
		record.Contexts[actorType] = identity.Claims{
			ActorID: id, ActorType: actorType, IdentityID: "authid_" + id, Provider: "emailpass", IssuedAt: s.now.Add(-time.Minute).Unix(),
		}
	}
	data, err := record.Encode()
	must(s.t, err)
	must(s.t, s.store.SaveSession(s.t.Context(), sid, data, session.DefaultTTL))
}

// goldenReset returns a token of ours in place of the recorded one, which v1 signs
// with the hash of the password.
func (s *shop) goldenReset(p *goldenPerson) string {
	s.t.Helper()
	must(s.t, s.service.RequestReset(s.t.Context(), p.actorType, "emailpass", p.Email, nil))
	return s.issue()
}
