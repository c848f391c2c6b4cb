package medusav1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/upstream"
)

// mintedTTL is the life of a token for one call.
const mintedTTL = time.Minute

// staffID is the user as whom the sidecar asks for users. Medusa looks at the
// signature alone (reference medusa-v1, section 9).
const staffID = "usr_auth_sidecar"

var errRefused = errors.New("the backend refuses our tokens: the secret configured for it is not its own jwt_secret")

// Tokens mint what the backend accepts; token.V1 of a ring with the backend's own
// secret does.
type Tokens interface {
	Access(c identity.Claims) (string, error)
}

// Config is what a Backend is made of. All fields without a default are required.
type Config struct {
	// URL is where the backend is: http or https, a host, perhaps a path.
	URL    string
	Tokens Tokens
	// Secret is the backend's jwt_secret. It has signed the invites.
	Secret identity.Secret
	// Key is what the passwords of our accounts there are derived from.
	Key identity.Secret
	// PreviousKeys are what they were derived from before: what an interrupted
	// attempt made with one of them is found again.
	PreviousKeys []identity.Secret
	// Timeout bounds every call. Default: upstream.DefaultTimeout.
	Timeout time.Duration
	Logger  *slog.Logger
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Backend is a Medusa v1. It implements identity.Legacy and is safe for concurrent
// use.
type Backend struct {
	Config
	client *upstream.Client
	trust  *upstream.Trust
}

var _ identity.Legacy = (*Backend)(nil)

// New checks the configuration and makes a Backend. It does not connect.
func New(c Config) (*Backend, error) {
	if c.Tokens == nil || c.Secret.Empty() || c.Key.Empty() || c.Logger == nil {
		return nil, errors.New("medusa_v1: a required part is missing")
	}
	client, err := upstream.NewClient(c.URL, c.Timeout)
	if err != nil {
		return nil, fmt.Errorf("medusa_v1: %w", err)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	b := &Backend{Config: c, client: client}
	b.trust = upstream.NewTrust(client.Timeout(), c.Clock, b.probe)
	return b, nil
}

// Close gives up the connections that are not in use.
func (b *Backend) Close() { b.client.Close() }

// domain is a half of Medusa v1: the one of an actor type.
type domain struct {
	actorType string
	path      string // of its routes
	member    string // of answers, with the actor in it
}

var (
	store = domain{"customer", "/store", "customer"}
	admin = domain{"user", "/admin", "user"}
)

// domainOf returns the domain of an actor type. The error says that there is none.
func domainOf(actorType string) (domain, error) {
	for _, d := range []domain{store, admin} {
		if d.actorType == actorType {
			return d, nil
		}
	}
	return domain{}, &identity.Error{
		Code: identity.CodeNotAllowed, Reason: "backend_actor_type",
		Message: fmt.Sprintf("The backend has no actors of type %s", actorType),
	}
}

// reply is an answer of the backend.
type reply struct {
	status int
	body   []byte

	Type     string          `json:"type"`
	Message  string          `json:"message"`
	Customer json.RawMessage `json:"customer"`
	User     json.RawMessage `json:"user"`
	Exists   *bool           `json:"exists"`
	Users    []struct {
		Email string `json:"email"`
	} `json:"users"`
}

func (b *Backend) do(ctx context.Context, method, path, bearer string, body any) (*reply, error) {
	return b.doBy(ctx, b.client, method, path, bearer, body)
}

func (b *Backend) doBy(ctx context.Context, client *upstream.Client, method, path, bearer string, body any) (*reply, error) {
	got, err := client.Do(ctx, method, path, bearer, body)
	if err != nil {
		return nil, err
	}
	r := &reply{status: got.Status, body: got.Body}
	if err := got.Decode(r); err != nil {
		return nil, err
	}
	return r, nil
}

// as calls a route as an actor. It fails when the backend does not take the token
// for one of its own.
func (b *Backend) as(ctx context.Context, actorType, actorID, method, path string, body any) (*reply, error) {
	now := b.Clock()
	token, err := b.Tokens.Access(identity.Claims{
		ActorType: actorType, ActorID: actorID, IssuedAt: now.Unix(), ExpiresAt: now.Add(mintedTTL).Unix(),
	})
	if err != nil {
		return nil, fmt.Errorf("minting a token for the backend: %w", err)
	}
	r, err := b.do(ctx, method, path, token, body)
	if err != nil {
		return nil, err
	}
	if r.status == http.StatusUnauthorized {
		b.Logger.ErrorContext(ctx, errRefused.Error(), "reason", "backend_secret")
		return nil, identity.Unavailable("backend_secret", errRefused)
	}
	return r, nil
}

// unexpected is the error for an answer that is not one of those known.
func unexpected(doing string, r *reply) error {
	return upstream.Unexpected(doing, r.status, r.Type)
}

// account is an actor as Medusa shows it.
type account struct {
	identity.Person
	created time.Time
}

// account reads the actor of an answer.
func (r *reply) account(d domain, doing string) (account, error) {
	body := r.Customer
	if d == admin {
		body = r.User
	}
	var fields struct {
		ID      string    `json:"id"`
		Email   string    `json:"email"`
		Created time.Time `json:"created_at"`
	}
	if r.status != http.StatusOK || json.Unmarshal(body, &fields) != nil || fields.ID == "" {
		return account{}, unexpected(doing, r)
	}
	return account{identity.Person{ActorID: fields.ID, Address: fields.Email, Body: body}, fields.Created}, nil
}
