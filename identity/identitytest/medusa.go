package identitytest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Medusa is a Medusa v2 as far as a sidecar before it can tell: the routes below
// /auth, those that make and delete customers, and one that says who asks
// (reference medusa-v2, sections 1 to 12). Addresses are compared byte by byte.
type Medusa struct {
	Server *httptest.Server

	faulty
	mu         sync.Mutex
	secret     string
	accounts   map[string]*medusaAccount // by address
	customers  map[string]string         // address by id
	resets     map[string]string         // address by token, while it is good
	requested  []string                  // addresses for which a reset was asked
	ids        int
	authorized []string        // the tokens that came with proxied requests
	gone       map[string]bool // users that were deleted, by id
}

// MedusaAccount is an identity of a Medusa.
type medusaAccount struct {
	id, password string
	app          map[string]string
	secondFactor bool
}

// NewMedusa starts a Medusa with that jwtSecret. It ends with the test.
func NewMedusa(t testing.TB, secret string) *Medusa {
	m := &Medusa{
		secret: secret, accounts: map[string]*medusaAccount{}, customers: map[string]string{}, resets: map[string]string{},
		gone: map[string]bool{},
	}
	m.Server = m.start(t, m.serve)
	return m
}

// SetSecret lets it come back with another jwtSecret.
func (m *Medusa) SetSecret(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secret = secret
}

// Account makes an account of its own, with a customer if named, and returns the
// identity's id.
func (m *Medusa) Account(address, password, customerID string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.newAccount(address, password)
	if customerID != "" {
		a.app["customer_id"] = customerID
		m.customers[customerID] = address
	}
	return a.id
}

// MakeUser makes a user of the account.
func (m *Medusa) MakeUser(address, userID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[address].app["user_id"] = userID
}

// DeleteUser deletes a user who has several identities: Medusa leaves all but one
// as they were.
func (m *Medusa) DeleteUser(userID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone[userID] = true
}

// SetSecondFactor lets log-ins to the account wait for a second factor, or no more.
func (m *Medusa) SetSecondFactor(address string, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[address].secondFactor = on
}

// Addresses returns the addresses of its accounts, in order.
func (m *Medusa) Addresses() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for address := range m.accounts {
		all = append(all, address)
	}
	slices.Sort(all)
	return all
}

// Customers returns how many customers it has.
func (m *Medusa) Customers() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.customers)
}

// Lose forgets an account, as a database that was set back does.
func (m *Medusa) Lose(address string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.accounts, address)
}

// Requested returns for which addresses a reset was asked, and the token of the
// last that is known, or "".
func (m *Medusa) Requested() (addresses []string, token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t := range m.resets {
		token = t
	}
	return slices.Clone(m.requested), token
}

// Tokens returns the addresses of the reset tokens that are good, by token.
func (m *Medusa) Tokens() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.resets)
}

// Rename gives an account another address.
func (m *Medusa) Rename(from, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[to] = m.accounts[from]
	delete(m.accounts, from)
}

// Authorized returns the tokens that came with proxied requests and were good.
func (m *Medusa) Authorized() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.authorized)
}

func (m *Medusa) newAccount(address, password string) *medusaAccount {
	m.ids++
	a := &medusaAccount{id: fmt.Sprintf("authid_01MEDUSA%018d", m.ids), password: password, app: map[string]string{}}
	m.accounts[address] = a
	return a
}

func (m *Medusa) serve(w http.ResponseWriter, r *http.Request) {
	body := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&body) // no body is an empty one
	m.mu.Lock()
	status, answer := m.answer(r, body)
	m.mu.Unlock()
	writeJSON(w, status, answer)
}

func (m *Medusa) answer(r *http.Request, body map[string]any) (int, any) {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case path[0] != "auth":
		return m.shop(r, path, body)
	case r.URL.Path == "/auth/token/refresh":
		return m.refresh(r)
	case r.URL.Path == "/auth/emailpass/user":
		return m.makeUser(r)
	case len(path) >= 3 && path[2] == "emailpass":
		return m.emailpass(r, path[1], strings.Join(path[3:], "/"), body)
	}
	return refuse(http.StatusNotFound, "not_found", "no such route")
}

func refuse(status int, kind, message string) (int, any) {
	return status, map[string]string{"type": kind, "message": message}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	if plain, ok := v.(string); ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, plain) // the client has gone
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Add("Set-Cookie", "connect.sid=s%3Aof-medusa; Path=/")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

// claims returns those of the request's bearer token; nil if it is not good.
func (m *Medusa) claims(r *http.Request) jwt.MapClaims {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(raw, c, func(*jwt.Token) (any, error) { return []byte(m.secret), nil })
	if !ok || err != nil {
		return nil
	}
	return c
}

func (m *Medusa) sign(c jwt.MapClaims) string {
	now := time.Now()
	c["iat"], c["exp"] = now.Unix(), now.Add(15*time.Minute).Unix()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(m.secret))
	if err != nil {
		panic(err) // of a key that is bytes
	}
	return token
}
