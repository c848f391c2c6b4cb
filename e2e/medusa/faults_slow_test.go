//go:build unix && medusa

package medusa

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// actorIn returns the actor that a token speaks for, "" for none.
func actorIn(t *testing.T, token string) string {
	t.Helper()
	claims := make(jwt.MapClaims)
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	actor, _ := claims["actor_id"].(string)
	return actor
}

// slow is a shop with a Medusa that keeps people waiting, and somebody whom both
// know.
type slow struct {
	*shop
	gate    *e2e.Gate
	known   newcomer
	knownID string
}

// goesOn checks that whoever is known logs in and refreshes, as the same customer.
func (s *slow) goesOn(t *testing.T) {
	t.Helper()
	c := s.caller()
	token := c.login(t, "customer", s.known.email, password)
	token = c.Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token")
	if got := actorIn(t, token); got != s.knownID {
		t.Errorf("the customer %s is %q while Medusa is slow", s.knownID, got)
	}
}

func (s *slow) create(t *testing.T, token, email string) e2e.Answer {
	t.Helper()
	return s.caller().Do(t, http.MethodPost, createPath, token, map[string]string{"email": email})
}

// becomes makes a customer of somebody. Medusa refuses two requests for one
// identity at once, so the late one may cost another attempt.
func (s *slow) becomes(t *testing.T, token, email string) string {
	t.Helper()
	return patient(t, func() e2e.Answer { return s.create(t, token, email) }).Need(t, http.StatusOK).Field("customer.id")
}

// Medusa does not answer at one route, or at all, while it still does what it was
// asked for: nobody waits for it who does not need it, and who does is told to try
// again. Every request here is answered before Medusa goes on.
func testSlow(t *testing.T, backend *medusa) {
	for name, test := range map[string]func(t *testing.T, s *slow, email string){
		"at all": slowAtAll, "registering": slowToRegister, "logging in": slowToLogIn, "refreshing": slowToRefresh,
		"preparing": slowToPrepare, "creating": slowToCreate, "asking for a reset": slowToAsk, "updating": slowToUpdate,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, backend)
			s := &slow{shop: openShop(t, backend, g.Addr(), setup{options: ownSecret, timeout: "4s"}), gate: g}
			s.known = newcomer{s.shop, mailbox(name) + "@known.slow.example.com"}
			s.knownID = s.known.persist(t)
			test(t, s, mailbox(name)+"@slow.example.com")
		})
	}
}

func slowAtAll(t *testing.T, s *slow, email string) {
	c := s.caller()
	release := s.gate.Hold(t, "")
	token := c.Do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	s.create(t, token, email).NeedRetryAfter(t)
	if got := actorIn(t, c.login(t, "customer", email, password)); got != "" {
		t.Errorf("the newcomer is %q", got)
	}
	c.Do(t, http.MethodPost, loginPath, "", credentials(customerEmail, customerPassword)).NeedRetryAfter(t)
	s.goesOn(t)
	release()
	id := s.becomes(t, token, email)
	newcomer{s.shop, email}.isCustomer(t, id)
	s.known.isCustomer(t, s.knownID)
}

func slowToRegister(t *testing.T, s *slow, email string) {
	release := s.gate.Hold(t, "POST "+registerPath)
	token := s.caller().Do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	s.create(t, token, email).NeedRetryAfter(t)
	s.goesOn(t)
	release() // two registrations, beside a third one now
	id := s.create(t, token, email).Need(t, http.StatusOK).Field("customer.id")
	newcomer{s.shop, email}.isCustomer(t, id)
}

func slowToLogIn(t *testing.T, s *slow, email string) {
	id := s.backend.customer(t, email)
	release := s.gate.Hold(t, "POST "+loginPath)
	s.caller().Do(t, http.MethodPost, loginPath, "", credentials(email, password)).NeedRetryAfter(t)
	s.goesOn(t)
	release()
	patient(t, func() e2e.Answer {
		return s.caller().Do(t, http.MethodPost, loginPath, "", credentials(email, password))
	})
	newcomer{s.shop, email}.isCustomer(t, id)
}

// An answer was lost, so only Medusa knows that somebody is a customer.
func slowToRefresh(t *testing.T, s *slow, email string) {
	c := s.caller()
	token := c.Do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	s.gate.Once("POST "+createPath, e2e.AnswerIsLost)
	if a := s.create(t, token, email); a.Status < 500 {
		t.Fatalf("a lost answer became %d: %s", a.Status, a.Body)
	}
	release := s.gate.Hold(t, "POST "+refreshPath)
	for _, path := range []string{refreshPath, loginPath} {
		answered := c.Do(t, http.MethodPost, path, token, credentials(email, password)).Need(t, http.StatusOK)
		if got := actorIn(t, answered.Field("token")); got != "" {
			t.Errorf("%s says %q without having asked", path, got)
		}
	}
	s.goesOn(t)
	release()
	token = c.Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token")
	newcomer{s.shop, email}.isCustomer(t, actorIn(t, token))
}

func slowToPrepare(t *testing.T, s *slow, email string) {
	token := s.caller().Do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	asked := len(s.gate.Asked("POST " + createPath))
	release := s.gate.Hold(t, "POST "+refreshPath)
	s.create(t, token, email).NeedRetryAfter(t)
	if n := len(s.gate.Asked("POST " + createPath)); n != asked {
		t.Error("Medusa was asked for a customer of it does not know whom")
	}
	s.goesOn(t)
	release()
	id := s.becomes(t, token, email)
	newcomer{s.shop, email}.isCustomer(t, id)
}

// The storefront gives up before Medusa has made the customer.
func slowToCreate(t *testing.T, s *slow, email string) {
	c := s.caller()
	token := c.Do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	asked := len(s.gate.Asked("POST " + createPath))
	release := s.gate.Hold(t, "POST "+createPath)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	body, err := json.Marshal(map[string]string{"email": email})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+createPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, keyHeader: {s.backend.Key},
	}
	ended := make(chan error)
	go func() {
		_, err := e2e.Send(req)
		ended <- err
	}()
	s.gate.Arrived(t, "POST "+createPath, asked+1)
	giveUp()
	if err := <-ended; err == nil {
		t.Error("the request was answered")
	}
	s.goesOn(t)
	release()
	newcomer{s.shop, email}.persist(t)
}

func slowToAsk(t *testing.T, s *slow, _ string) {
	c := s.caller()
	release := s.gate.Hold(t, "POST "+resetPath)
	c.Do(t, http.MethodPost, resetPath, "", map[string]string{"identifier": s.known.email}).Need(t, http.StatusCreated)
	s.gate.Arrived(t, "POST "+resetPath, 1)
	s.goesOn(t)
	release()
	s.backend.resetEvent(t, s.known.email)
	c.forgets(t, s.backend, s.known.email)
	c.Do(t, http.MethodPost, loginPath, "", credentials(s.known.email, password)).Need(t, http.StatusUnauthorized)
	if got := actorIn(t, c.login(t, "customer", s.known.email, changed)); got != s.knownID {
		t.Errorf("the customer %s is %q", s.knownID, got)
	}
}

// A password is not changed by halves: while Medusa has not used the token up
// the old one counts.
func slowToUpdate(t *testing.T, s *slow, _ string) {
	c := s.caller()
	token, _ := c.mailed(t, s.backend, s.known.email)
	release := s.gate.Hold(t, "POST "+updatePath)
	c.Do(t, http.MethodPost, updatePath, token, map[string]string{"password": changed}).NeedRetryAfter(t)
	s.goesOn(t)
	release()
	c.forgets(t, s.backend, s.known.email)
	c.Do(t, http.MethodPost, loginPath, "", credentials(s.known.email, password)).Need(t, http.StatusUnauthorized)
	if got := actorIn(t, c.login(t, "customer", s.known.email, changed)); got != s.knownID {
		t.Errorf("the customer %s is %q", s.knownID, got)
	}
}
