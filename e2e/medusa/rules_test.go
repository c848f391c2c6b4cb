//go:build unix && medusa

package medusa

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// documentedRules returns the rules that docs/medusa.md has for who wants
// strangers kept away from Medusa.
func documentedRules(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/medusa.md")
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(text), "```caddyfile\n") {
		block, _, closed := strings.Cut(block, "```")
		if closed && strings.HasPrefix(strings.TrimSpace(block), "auth_require") {
			return block
		}
	}
	t.Fatal("docs/medusa.md has no block of rules")
	return ""
}

// A shop with the rules of docs/medusa.md.
func testRules(t *testing.T, backend *medusa) {
	rules := setup{options: ownSecret, rules: documentedRules(t)}
	t.Run("strangers", func(t *testing.T) {
		t.Parallel()
		g := newGate(t, backend)
		s := openShop(t, backend, g.Addr(), rules)
		testStrangers(t, s, g)
	})
	t.Run("dashboard", func(t *testing.T) {
		t.Parallel()
		testDashboard(t, openShop(t, backend, backend.Addr(), rules))
	})
	for _, method := range []string{"bearer", "session"} {
		t.Run("after an outage, "+method, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, backend)
			s := openShop(t, backend, g.Addr(), rules)
			c := s.caller()
			n := newcomer{s, method + "@rules.example.com"}
			st := newStaff(t, s, "staff."+method+"@rules.example.com")
			g.Shut(true)
			customer := c.Do(t, http.MethodPost, registerPath, "", credentials(n.email, password)).Need(t, http.StatusOK).Field("token")
			user := c.Do(t, http.MethodPost, userRegisterPath, "", credentials(st.email, password)).Need(t, http.StatusOK).Field("token")
			header := map[string]http.Header{}
			for path, token := range map[string]string{createPath: customer, acceptPath: user} {
				header[path] = http.Header{"Content-Type": {"application/json"}}
				if method == "bearer" {
					header[path].Set("Authorization", "Bearer "+token)
				} else {
					header[path].Set("Cookie", c.session(t, token))
				}
			}
			g.Shut(false)
			a, err := c.Send(t, http.MethodPost, createPath, header[createPath], []byte(`{"email":"`+n.email+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			n.isCustomer(t, a.Need(t, http.StatusOK).Field("customer.id"))
			a, err = c.Send(t, http.MethodPost, acceptPath+"?token="+st.invite, header[acceptPath], []byte(`{"first_name":"Grace"}`))
			if err != nil {
				t.Fatal(err)
			}
			st.isUser(t, a.Need(t, http.StatusOK).Field("user.id"))
		})
	}
}

// testStrangers has everybody ask for what is and is not theirs.
func testStrangers(t *testing.T, s *shop, g *e2e.Gate) {
	c := s.caller()
	refused := func(a e2e.Answer) {
		t.Helper()
		if a.Need(t, http.StatusUnauthorized).Body != `{"message":"Unauthorized"}` {
			t.Errorf("the refusal is %s", a.Body)
		}
	}
	customer, admin := c.login(t, "customer", customerEmail, customerPassword), c.login(t, "user", adminEmail, adminPassword)
	for _, path := range []string{mePath, mePath + "/addresses", "/admin/customers", selfPath} {
		before := len(g.Asked("GET " + path)) // by the sidecar, when the admin moved over
		refused(c.Do(t, http.MethodGet, path, "", nil))
		refused(c.Do(t, http.MethodGet, path, "garbage", nil))
		if n := len(g.Asked("GET "+path)) - before; n != 0 {
			t.Errorf("Medusa was asked for %s %d times", path, n)
		}
	}
	refused(c.Do(t, http.MethodPost, createPath, "", map[string]string{"email": "nobody@rules.example.com"}))
	refused(c.Do(t, http.MethodPost, acceptPath+"?token=garbage", "", map[string]string{"first_name": "Grace"}))
	refused(c.Do(t, http.MethodGet, "/admin/customers", customer, nil))
	refused(c.Do(t, http.MethodGet, mePath, admin, nil))
	c.Do(t, http.MethodGet, mePath, customer, nil).Need(t, http.StatusOK)
	c.Do(t, http.MethodGet, "/admin/customers", admin, nil).Need(t, http.StatusOK)
	c.Do(t, http.MethodGet, "/store/products", "", nil).Need(t, http.StatusOK)
	c.Do(t, http.MethodGet, "/admin/feature-flags", "", nil).Need(t, http.StatusOK)
	c.Do(t, http.MethodGet, "/admin/feature-flags", admin, nil).Need(t, http.StatusOK)

	// Without the publishable key, the refusal of the rule comes first.
	keyless := newCaller(c.URL, "")
	refused(keyless.Do(t, http.MethodGet, mePath, "", nil))
	keyless.Do(t, http.MethodGet, mePath, customer, nil).Need(t, http.StatusBadRequest)

	key := s.backend.caller().Do(t, http.MethodPost, "/admin/api-keys", s.backend.adminToken(t),
		map[string]string{"title": "rules", "type": "secret"}).Need(t, http.StatusOK).Field("api_key.token")
	for value, status := range map[string]int{key: http.StatusOK, "sk_wrong": http.StatusUnauthorized} {
		a, err := c.Send(t, http.MethodGet, "/admin/customers", http.Header{"Authorization": {"Basic " + value}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a.Need(t, status)
	}
}
