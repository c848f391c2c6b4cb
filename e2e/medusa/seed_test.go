//go:build unix && medusa

package medusa

import (
	"cmp"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// The people whom Medusa knew before the sidecar came.
const (
	adminEmail, adminPassword       = "admin@example.com", "adminpass"
	customerEmail, customerPassword = "customer@example.com", "customerpass"
)

// seeds are what Medusa has given numbers of its own.
type seeds struct {
	Key        string // publishable API key
	AdminID    string
	CustomerID string
}

// seed fills an empty Medusa and returns what it has made. It takes the way of
// an invite to the first admin: the command line tool loads the whole of Medusa
// once more.
func (s *medusa) seed(t *testing.T) seeds {
	t.Helper()
	medusa := newCaller(s.URL(), "")
	invite := medusa.Do(t, http.MethodPost, "/admin/invites", s.adminToken(t), map[string]string{"email": adminEmail}).Need(t, http.StatusOK)
	token := medusa.Do(t, http.MethodPost, "/auth/user/emailpass/register", "",
		credentials(adminEmail, adminPassword)).Need(t, http.StatusOK).Field("token")
	admin := medusa.Do(t, http.MethodPost, "/admin/invites/accept?token="+invite.Field("invite.token"), token,
		map[string]string{"first_name": "Ada"}).Need(t, http.StatusOK)

	list := medusa.Do(t, http.MethodGet, "/admin/api-keys?type=publishable",
		medusa.login(t, "user", adminEmail, adminPassword), nil).Need(t, http.StatusOK)
	var keys struct {
		APIKeys []struct{ Token string } `json:"api_keys"`
	}
	if err := json.Unmarshal([]byte(list.Body), &keys); err != nil || len(keys.APIKeys) != 1 {
		t.Fatalf("Medusa makes one publishable key at its first start; it has %s", list.Body)
	}
	key := keys.APIKeys[0].Token
	medusa = newCaller(s.URL(), key)

	token = medusa.Do(t, http.MethodPost, "/auth/customer/emailpass/register", "",
		credentials(customerEmail, customerPassword)).Need(t, http.StatusOK).Field("token")
	customer := medusa.Do(t, http.MethodPost, "/store/customers", token,
		map[string]string{"email": customerEmail, "first_name": "Jane", "last_name": "Doe"}).Need(t, http.StatusOK)
	return seeds{Key: key, AdminID: admin.Field("user.id"), CustomerID: customer.Field("customer.id")}
}

// adminToken returns a token as Medusa would sign it for its first admin, also
// before there is one: an invite asks for no more than the signature.
func (s *medusa) adminToken(t *testing.T) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"actor_id": cmp.Or(s.AdminID, "user_nobody"), "actor_type": "user", "exp": time.Now().Add(time.Minute).Unix(),
	}).SignedString([]byte(e2e.MedusaSecret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}
