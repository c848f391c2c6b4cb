//go:build unix && medusa

package medusa

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// testShadow has people become customers, or fail to, with the shadows that are
// not the default.
func testShadow(t *testing.T, backend *medusa) {
	t.Run("random", func(t *testing.T) {
		t.Parallel()
		testShadowRandom(t, backend)
	})
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		testShadowOff(t, backend)
	})
}

// resets is what a sidecar's own webhook is told.
type resets chan struct {
	Email string `json:"entity_id"`
	Token string `json:"token"`
}

func newResets(t *testing.T) (told resets, url string) {
	t.Helper()
	told = make(resets, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Data json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		told.add(body.Data)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	return told, server.URL
}

func (told resets) add(data json.RawMessage) {
	var reset struct {
		Email string `json:"entity_id"`
		Token string `json:"token"`
	}
	if json.Unmarshal(data, &reset) == nil {
		told <- reset
	}
}

func (told resets) token(t *testing.T, email string) string {
	t.Helper()
	select {
	case reset := <-told:
		if reset.Email != email {
			t.Fatalf("a reset for %s, want %s", reset.Email, email)
		}
		return reset.Token
	case <-time.After(e2e.FaultTimeout):
		t.Fatalf("nobody was told of the reset for %s", email)
		return ""
	}
}

// Medusa knows nobody's address. People become customers all the same, and reset
// their passwords by the sidecar's own notifier.
func testShadowRandom(t *testing.T, backend *medusa) {
	told, url := newResets(t)
	s := openShop(t, backend, backend.Addr(), setup{
		realm:   "notify webhook {env.HOOK_URL} {\nsecret {env.HOOK_SECRET}\n}",
		options: ownSecret + "\nshadow random",
		env:     []string{"HOOK_URL=" + url, "HOOK_SECRET=" + strings.Repeat("h", 32)},
	})
	c := s.caller()
	n := newcomer{s, "new@random.example.com"}
	id := n.try(t)
	if again := n.try(t); id == "" || again != id {
		t.Errorf("the customer is %q and then %q", id, again)
	}
	backend.hasIdentity(t, n.email, "")
	if got := backend.Postgres.Query(t, `select string_agg(p.entity_id, ';') from provider_identity p
		join auth_identity a on a.id = p.auth_identity_id where a.app_metadata->>'customer_id' = '`+id+`'`); !strings.HasPrefix(got, "shadow-") || !strings.HasSuffix(got, "@sidecar.invalid") || strings.Contains(got, ";") {
		t.Errorf("the shadows are %q", got)
	}

	old := newcomer{s, "old@random.example.com"}
	had := backend.customer(t, old.email)
	old.isCustomer(t, had)

	for n, want := range map[newcomer]string{n: id, old: had} {
		c.Do(t, http.MethodPost, resetPath, "", map[string]string{"identifier": n.email}).Need(t, http.StatusCreated)
		token := told.token(t, n.email)
		c.Do(t, http.MethodPost, updatePath, token, map[string]string{"password": changed}).Need(t, http.StatusOK)
		c.Do(t, http.MethodPost, loginPath, "", credentials(n.email, password)).Need(t, http.StatusUnauthorized)
		if got := actorIn(t, c.login(t, "customer", n.email, changed)); got != want {
			t.Errorf("%s is %q, want %q", n.email, got, want)
		}
		if mails := backend.Events(t, "auth.password_reset", "entity_id", n.email); len(mails) > 0 {
			t.Errorf("Medusa mails %s as well", n.email)
		}
	}
}

// Without shadows nobody becomes a customer or a user; who was one stays it.
func testShadowOff(t *testing.T, backend *medusa) {
	s := openShop(t, backend, backend.Addr(), setup{options: ownSecret + "\nshadow off"})
	c := s.caller()
	const email = "new@off.example.com"
	for range 2 { // the second time as somebody who is known
		token := c.Do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
		for _, token := range []string{token, c.login(t, "customer", email, password)} {
			a := c.Do(t, http.MethodPost, createPath, token, map[string]string{"email": email}).Need(t, http.StatusNotFound)
			if !strings.Contains(a.Body, "AuthIdentity with id") {
				t.Errorf("the refusal is %s", a.Body)
			}
			token = c.Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token")
			if got := actorIn(t, token); got != "" {
				t.Errorf("they are %q", got)
			}
		}
	}
	backend.hasIdentity(t, email, "")
	if got := backend.Postgres.Query(t, `select count(*) from customer where email = '`+email+`' and deleted_at is null`); got != "0" {
		t.Errorf("Medusa has %s customers of nobody", got)
	}
	staff := c.Do(t, http.MethodPost, userRegisterPath, "", credentials("staff@off.example.com", password)).Need(t, http.StatusOK).Field("token")
	accept := acceptPath + "?token=" + backend.invite(t, "staff@off.example.com")
	c.Do(t, http.MethodPost, accept, staff, map[string]string{"first_name": "Grace"}).Need(t, http.StatusUnauthorized)
	if got := backend.Postgres.Query(t, `select count(*) from "user" where email = 'staff@off.example.com'`); got != "0" {
		t.Errorf("Medusa has %s users of nobody", got)
	}

	old := newcomer{s, "old@off.example.com"}
	had := backend.customer(t, old.email)
	old.isCustomer(t, had)
	token := c.login(t, "customer", old.email, password)
	token = c.Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token")
	c.Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK)
}
