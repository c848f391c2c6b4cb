package identitytest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MedusaV1 is a Medusa v1 as far as a sidecar before it can tell (reference
// medusa-v1): accounts of customers and of users, its own log-ins, resets and
// invites. Like the real one it sets a cookie of its own with every answer.
type MedusaV1 struct {
	Server *httptest.Server

	faulty
	mu       sync.Mutex
	secret   string
	accounts map[string]*V1Account // by id
	resets   map[string]string     // ids by token, while it is good
	invites  map[string]string     // addresses by id
	asked    []string              // addresses for which a reset was asked
	seen     []http.Header         // of requests that are no log-ins
	ids      int
	broken   bool
}

// V1Account is a customer or a user of a MedusaV1.
type V1Account struct {
	ID, Email, Password, FirstName, LastName string

	Created time.Time
}

// NewMedusaV1 starts a Medusa v1 with that jwt_secret. It ends with the test.
func NewMedusaV1(t testing.TB, secret string) *MedusaV1 {
	m := &MedusaV1{secret: secret, accounts: map[string]*V1Account{}, resets: map[string]string{}, invites: map[string]string{}}
	m.Server = m.start(t, m.serve)
	return m
}

// SetSecret lets it come back with another jwt_secret.
func (m *MedusaV1) SetSecret(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secret = secret
}

// Break takes its database away: guarded routes of the admin answer as they do then.
func (m *MedusaV1) Break(broken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = broken
}

// Remove deletes an account as somebody does who reaches it past the sidecar.
func (m *MedusaV1) Remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.accounts, id)
}

// Customer makes an account that it had all along, and returns the id.
func (m *MedusaV1) Customer(email, password string) string { return m.old("cus", email, password) }

// User does so for a member of staff.
func (m *MedusaV1) User(email, password string) string { return m.old("usr", email, password) }

func (m *MedusaV1) old(kind, email, password string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.add(kind, email, password)
	a.Created = a.Created.Add(-48 * time.Hour)
	return a.ID
}

// Age makes an account older.
func (m *MedusaV1) Age(id string, by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[id].Created = m.accounts[id].Created.Add(-by)
}

// Account returns the account of that id, nil if there is none.
func (m *MedusaV1) Account(id string) *V1Account {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.accounts[id] == nil {
		return nil
	}
	found := *m.accounts[id]
	return &found
}

// IDs returns those of the accounts with that address.
func (m *MedusaV1) IDs(email string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for id, a := range m.accounts {
		if a.Email == email {
			ids = append(ids, id)
		}
	}
	return ids
}

// Invite makes an invite and returns its token.
func (m *MedusaV1) Invite(email string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ids++
	id := fmt.Sprintf("invite_%d", m.ids)
	m.invites[id] = email
	return m.sign(jwt.MapClaims{"invite_id": id, "role": "member", "user_email": email})
}

// Requested returns for which addresses a reset was asked, and the token of the
// last that is known, or "".
func (m *MedusaV1) Requested() (addresses []string, token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t := range m.resets {
		token = t
	}
	return append([]string(nil), m.asked...), token
}

// Seen returns the headers of the requests that were no log-ins.
func (m *MedusaV1) Seen() []http.Header {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]http.Header(nil), m.seen...)
}

func (m *MedusaV1) add(kind, email, password string) *V1Account {
	m.ids++
	a := &V1Account{ID: fmt.Sprintf("%s_01MEDUSAV1%017d", kind, m.ids), Email: strings.ToLower(email), Password: password, Created: time.Now()}
	m.accounts[a.ID] = a
	return a
}

// find returns the customer or user with that address, or nil.
func (m *MedusaV1) find(kind, email string) *V1Account {
	for id, a := range m.accounts {
		if strings.HasPrefix(id, kind) && a.Email == strings.ToLower(email) {
			return a
		}
	}
	return nil
}

func (m *MedusaV1) sign(c jwt.MapClaims) string {
	c["iat"] = time.Now().Unix()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(m.secret))
	if err != nil {
		panic(err) // of a key that is bytes
	}
	return token
}

// bearer returns the id that the request's token names in the domain; "" if the
// token is not good there.
func (m *MedusaV1) bearer(r *http.Request, domain, member string) string {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(raw, c, func(*jwt.Token) (any, error) { return []byte(m.secret), nil })
	if !ok || err != nil || c["domain"] != domain {
		return ""
	}
	return text(c[member])
}

// v1Answer is an answer: a body of JSON, or a plain one.
type v1Answer struct {
	status int
	body   any
	plain  string
}

func v1Refuse(status int, kind, message string) v1Answer {
	return v1Answer{status: status, body: struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}{kind, message}}
}

var (
	v1Unauthorized = v1Answer{status: http.StatusUnauthorized, plain: "Unauthorized"}
	v1Unknown      = v1Answer{status: http.StatusInternalServerError, body: map[string]string{
		"code": "unknown_error", "type": "unknown_error", "message": "An unknown error occurred.",
	}}
)

func (m *MedusaV1) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	body := map[string]any{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		_ = json.Unmarshal(raw, &body) // no body is an empty one
	}
	m.mu.Lock()
	a := m.answer(r, body)
	m.mu.Unlock()
	w.Header().Add("Set-Cookie", "connect.sid=s%3Aof-medusa-v1; Path=/; HttpOnly")
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	if a.plain != "" || a.body == nil {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.plain) // the client has gone
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body) // the client has gone
}
