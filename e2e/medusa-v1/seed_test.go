//go:build unix && medusa

package medusav1

import (
	"cmp"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// The people whom Medusa knew before the sidecar came. The customer has an order.
const (
	adminEmail, adminPassword       = "admin@medusa-test.com", "supersecret"
	customerEmail, customerPassword = "jane@example.com", "Passw0rd!"
)

// seeds are what Medusa has given numbers of its own.
type seeds struct {
	AdminID, CustomerID, OrderID string
}

// seed fills an empty Medusa and returns what it has made.
func (s *medusa) seed(t *testing.T) seeds {
	t.Helper()
	admin := func(path string, body any) (member func(path string) string) {
		t.Helper()
		return s.caller().Do(t, http.MethodPost, path, s.adminToken(t), body).Need(t, http.StatusOK).Field
	}
	type object = map[string]any
	made := seeds{AdminID: admin("/admin/users", credentials(adminEmail, adminPassword))("user.id")}
	made.CustomerID = s.caller().Do(t, http.MethodPost, "/store/customers", "", object{
		"email": customerEmail, "password": customerPassword, "first_name": "Jane", "last_name": "Doe",
	}).Need(t, http.StatusOK).Field("customer.id")

	admin("/admin/store", object{"currencies": []string{"eur", "usd"}, "default_currency_code": "eur"})
	region := admin("/admin/regions", object{
		"name": "EU", "currency_code": "eur", "tax_rate": 0, "countries": []string{"dk", "de"},
		"payment_providers": []string{"manual"}, "fulfillment_providers": []string{"manual"},
	})("region.id")
	var profiles struct {
		Profiles []struct{ ID, Type string } `json:"shipping_profiles"`
	}
	s.read(t, "/admin/shipping-profiles", &profiles)
	var profile string
	for _, p := range profiles.Profiles {
		if p.Type == "default" {
			profile = p.ID
		}
	}
	option := admin("/admin/shipping-options", object{
		"name": "Standard", "region_id": region, "profile_id": profile, "provider_id": "manual",
		"data": object{"id": "manual-fulfillment"}, "price_type": "flat_rate", "amount": 500, "requirements": []any{},
	})("shipping_option.id")
	var channels struct {
		Channels []struct {
			ID string `json:"id"`
		} `json:"sales_channels"`
	}
	s.read(t, "/admin/sales-channels", &channels)
	admin("/admin/products", object{
		"title": "Shirt", "status": "published", "options": []object{{"title": "Size"}}, "sales_channels": channels.Channels,
		"variants": []object{{
			"title": "S", "options": []object{{"value": "S"}}, "prices": []object{{"currency_code": "eur", "amount": 1950}},
			"manage_inventory": true, "inventory_quantity": 100,
		}},
	})
	var variants struct {
		Variants []struct{ ID string }
	}
	s.read(t, "/admin/variants", &variants)

	jane := s.caller().login(t, "store", customerEmail, customerPassword)
	store := func(path string, body any) (member func(path string) string) {
		t.Helper()
		return s.caller().Do(t, http.MethodPost, path, jane, body).Need(t, http.StatusOK).Field
	}
	cart := store("/store/carts", object{
		"region_id": region, "items": []object{{"variant_id": variants.Variants[0].ID, "quantity": 1}},
	})("cart.id")
	store("/store/carts/"+cart, object{
		"email": customerEmail, "customer_id": made.CustomerID,
		"shipping_address": object{
			"first_name": "Jane", "last_name": "Doe", "address_1": "Street 1", "city": "Copenhagen", "postal_code": "1000", "country_code": "dk",
		},
	})
	store("/store/carts/"+cart+"/shipping-methods", object{"option_id": option})
	store("/store/carts/"+cart+"/payment-sessions", object{})
	made.OrderID = store("/store/carts/"+cart+"/complete", object{})("data.id")
	return made
}

// read asks as the admin, past any sidecar.
func (s *medusa) read(t *testing.T, path string, into any) {
	t.Helper()
	a := s.caller().Do(t, http.MethodGet, path, s.adminToken(t), nil).Need(t, http.StatusOK)
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// caller sends requests to Medusa, past any sidecar.
func (s *medusa) caller() caller { return newCaller(s.URL()) }

// adminToken returns a token as Medusa would sign it for its first admin, also
// before there is one: most routes ask for no more than the signature.
func (s *medusa) adminToken(t *testing.T) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"user_id": cmp.Or(s.AdminID, "usr_nobody"), "domain": "admin", "exp": time.Now().Add(time.Minute).Unix(),
	}).SignedString([]byte(e2e.MedusaSecret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}
