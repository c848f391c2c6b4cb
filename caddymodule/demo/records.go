package demo

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// How much a shop remembers of each kind; then the oldest is forgotten.
const (
	maxCustomers = 10_000
	maxUsers     = 1_000
	maxInvites   = 1_000
)

// Records is what a shop remembers: customers with their orders, admin users and
// open invites. It is safe for concurrent use.
type Records struct {
	mu        sync.RWMutex
	customers *bounded[customer]
	users     *bounded[user]
	invites   *bounded[invite]
	orders    int // how many were ever placed

	// inviteKey signs invite tokens.
	inviteKey []byte
}

// NewRecords returns empty records.
func NewRecords() *Records {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, by its documentation
	return &Records{
		customers: newBounded[customer](maxCustomers),
		users:     newBounded[user](maxUsers),
		invites:   newBounded[invite](maxInvites),
		inviteKey: key,
	}
}

// customer has the members of Medusa's store API, in its order.
type customer struct {
	ID          string          `json:"id"`
	Email       string          `json:"email"`
	CompanyName *string         `json:"company_name"`
	FirstName   *string         `json:"first_name"`
	LastName    *string         `json:"last_name"`
	Phone       *string         `json:"phone"`
	Metadata    json.RawMessage `json:"metadata"`
	HasAccount  bool            `json:"has_account"`
	DeletedAt   *identity.Time  `json:"deleted_at"`
	CreatedAt   identity.Time   `json:"created_at"`
	UpdatedAt   identity.Time   `json:"updated_at"`
	Addresses   []struct{}      `json:"addresses"`

	orders []order
}

// user has the members of Medusa's admin API, in its order.
type user struct {
	ID        string          `json:"id"`
	FirstName *string         `json:"first_name"`
	LastName  *string         `json:"last_name"`
	Email     string          `json:"email"`
	AvatarURL *string         `json:"avatar_url"`
	Metadata  json.RawMessage `json:"metadata"`
	CreatedAt identity.Time   `json:"created_at"`
	UpdatedAt identity.Time   `json:"updated_at"`
	DeletedAt *identity.Time  `json:"deleted_at"`
}

// What keeps an actor from being added.
var (
	errEmailTaken = errors.New("the e-mail has an account")
	errLinked     = errors.New("the identity has an actor")
)

// Keys of the records.
func idKey(id string) string             { return "id:" + id }
func emailKey(email string) string       { return "email:" + email }
func identityKey(identity string) string { return "identity:" + identity }

// addActor takes a new actor in unless its address or its identity has one.
func addActor[T any](actors *bounded[T], actor T, id, email, identity string) error {
	switch {
	case actors.find(emailKey(email)) != nil:
		return errEmailTaken
	case actors.find(identityKey(identity)) != nil:
		return errLinked
	}
	actors.add(actor, idKey(id), emailKey(email), identityKey(identity))
	return nil
}

// addCustomer gives c an id, the times and the order that welcomes every
// customer, and takes it in.
func (r *Records) addCustomer(c customer, identityID string) (customer, error) {
	now := now()
	c.ID = "cus_" + ulid.Make().String()
	c.HasAccount = true
	c.CreatedAt, c.UpdatedAt = now, now
	c.Addresses = []struct{}{}

	r.mu.Lock()
	defer r.mu.Unlock()
	c.orders = []order{welcomeOrder(r.orders+1, c.Email, now)}
	if err := addActor(r.customers, c, c.ID, c.Email, identityID); err != nil {
		return customer{}, err
	}
	r.orders++
	return c, nil
}

// customer returns a copy of the customer with the id.
func (r *Records) customer(id string) (customer, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if c := r.customers.find(idKey(id)); c != nil {
		return *c, true
	}
	return customer{}, false
}

// changeCustomer applies change to the customer with the id and returns a copy.
func (r *Records) changeCustomer(id string, change func(*customer)) (customer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.customers.find(idKey(id))
	if c == nil {
		return customer{}, false
	}
	change(c)
	c.UpdatedAt = now()
	return *c, true
}

// listCustomers returns a page of the customers, oldest first, and their number.
func (r *Records) listCustomers(offset, limit int) ([]customer, int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.customers.page(offset, limit), r.customers.order.Len()
}

func (r *Records) deleteCustomer(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.customers.remove(idKey(id))
}

// user returns a copy of the user with the id.
func (r *Records) user(id string) (user, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if u := r.users.find(idKey(id)); u != nil {
		return *u, true
	}
	return user{}, false
}

func (r *Records) deleteUser(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.users.remove(idKey(id))
}

func now() identity.Time { return identity.Time{Time: time.Now()} }
