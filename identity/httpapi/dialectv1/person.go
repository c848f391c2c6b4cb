package dialectv1

import (
	"encoding/json"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

// shape says with which relations a customer is shown.
type shape int

const (
	shapeLogin shape = iota // orders and addresses
	shapeNew                // just registered
	shapeBare
)

// customer is v1's, without a backend that has customers of its own.
type customer struct {
	ID               string        `json:"id"`
	CreatedAt        identity.Time `json:"created_at"`
	UpdatedAt        identity.Time `json:"updated_at"`
	DeletedAt        *string       `json:"deleted_at"`
	Email            string        `json:"email"`
	FirstName        *string       `json:"first_name"`
	LastName         *string       `json:"last_name"`
	BillingAddressID *string       `json:"billing_address_id"`
	Phone            *string       `json:"phone"`
	HasAccount       bool          `json:"has_account"`
	Metadata         *string       `json:"metadata"`
}

type customerAtLogin struct {
	customer
	Orders            []string `json:"orders"`
	ShippingAddresses []string `json:"shipping_addresses"`
}

type newCustomer struct {
	customer
	BillingAddress    *string  `json:"billing_address"`
	ShippingAddresses []string `json:"shipping_addresses"`
}

// user is v1's. Role is the default one: only a backend has others.
type user struct {
	ID        string        `json:"id"`
	CreatedAt identity.Time `json:"created_at"`
	UpdatedAt identity.Time `json:"updated_at"`
	DeletedAt *string       `json:"deleted_at"`
	Role      string        `json:"role"`
	Email     string        `json:"email"`
	FirstName *string       `json:"first_name"`
	LastName  *string       `json:"last_name"`
	APIToken  *string       `json:"api_token"`
	Metadata  *string       `json:"metadata"`
}

// personOf shows the identity in v1's form.
func personOf(i *identity.Identity, claims identity.Claims, s shape) (json.RawMessage, error) {
	own := i.Providers[identity.EmailPass]
	created, updated := identity.Time{Time: i.CreatedAt}, identity.Time{Time: i.UpdatedAt}
	email, known := strings.ToLower(own.EntityID), profile(own.UserMetadata)
	var v any
	c := customer{
		ID: claims.ActorID, CreatedAt: created, UpdatedAt: updated, Email: email,
		FirstName: known["first_name"], LastName: known["last_name"], Phone: known["phone"], HasAccount: true,
	}
	switch {
	case claims.ActorType == identity.User:
		v = user{
			ID: claims.ActorID, CreatedAt: created, UpdatedAt: updated, Role: "member", Email: email,
			FirstName: known["first_name"], LastName: known["last_name"],
		}
	case s == shapeLogin:
		v = customerAtLogin{c, []string{}, []string{}}
	case s == shapeNew:
		v = newCustomer{c, nil, []string{}}
	default:
		v = c
	}
	data, err := wire.Encode(v)
	if err != nil {
		return nil, internal("json_encoding", err)
	}
	return data, nil
}

// profile returns the texts of the metadata.
func profile(metadata json.RawMessage) map[string]*string {
	var members map[string]any
	if json.Unmarshal(metadata, &members) != nil {
		return nil
	}
	texts := map[string]*string{}
	for name, value := range members {
		if text, ok := value.(string); ok {
			texts[name] = &text
		}
	}
	return texts
}
