//go:build unix

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// client lives through accounts one after the other: it does what people do, in a
// random order, and takes down what it is told.
type client struct {
	*ledger
	random *rand.Rand
	nodes  []string // where sidecars are
	// mail returns the latest reset token for an address, "" while there is none or it
	// cannot be told.
	mail func(email string) string
	// patient: every question is asked until it is answered.
	patient bool
}

// ask sends a request to one of the nodes; known is false when nobody can tell what
// came of it.
func (c *client) ask(a *account, r call) (answer e2e.Answer, known bool) {
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), hangs)
		answer, err := r.send(ctx, c.nodes[c.random.IntN(len(c.nodes))])
		cancel()
		a.told = append(a.told, fmt.Sprintf("%s %s %s %.60q: %d %v", time.Now().UTC().Format("05.000"), r.method, r.target, strings.Join(r.header, " ")+r.body, answer.Status, err))
		switch {
		case err == nil && answer.Status != http.StatusServiceUnavailable:
			if answer.Status >= http.StatusInternalServerError {
				c.contradiction(a, "%s %s: %d %s", r.method, r.target, answer.Status, answer.Body)
				return answer, false
			}
			return answer, true
		case !c.patient:
			time.Sleep(50 * time.Millisecond) // as Retry-After says, but shorter
			return answer, false
		case time.Now().After(deadline):
			c.contradiction(a, "%s %s: no answer for long: %d, %v", r.method, r.target, answer.Status, err)
			return answer, false
		}
	}
}

// lives is the life of one account.
func (c *client) lives(ctx context.Context) {
	a := c.open(newAddress())
	for ctx.Err() == nil && a.registered != certain {
		c.register(a)
	}
	reset := false
	for range 14 {
		if ctx.Err() != nil {
			return
		}
		switch c.random.IntN(10) {
		case 0:
			c.logInWrongly(a)
		case 1, 2:
			c.logIn(a)
		case 3:
			c.becomeCustomer(a)
		case 4, 5:
			c.startSession(a)
		case 6:
			c.endSession(a)
		case 7:
			if !reset { // there is one a minute
				reset = true
				c.changePassword(ctx, a)
			}
		default:
			if len(a.grants) > 0 {
				c.check(a, a.grants[c.random.IntN(len(a.grants))])
			}
		}
	}
}

func (c *client) register(a *account) {
	const chosen = "the first password"
	got, known := c.ask(a, post(register, credentials(a.email, chosen)))
	switch {
	case !known:
		c.write("register", false)
		a.registered, a.passwords = maybe, []string{chosen}
	case got.Status == http.StatusOK:
		c.write("register", true)
		a.registered, a.passwords = certain, []string{chosen}
		c.token(a, got)
	default:
		c.contradiction(a, "registering: %d %s", got.Status, got.Body)
	}
}

// token takes down the token of an answer, and reads whether there is a customer.
func (c *client) token(a *account, got e2e.Answer) (actor string) {
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(got.Field("token"), claims); err != nil {
		c.contradiction(a, "no token: %s", got.Body)
		return ""
	}
	a.granted("token", []string{"Authorization", "Bearer " + got.Field("token")})
	actor, _ = claims["actor_id"].(string)
	return actor
}

func (c *client) logInWrongly(a *account) {
	got, known := c.ask(a, post(logIn, credentials(a.email, "a wrong password")))
	if known {
		c.read()
		if got.Status != http.StatusUnauthorized {
			c.contradiction(a, "a wrong password: %d", got.Status)
		}
	}
}

func (c *client) logIn(a *account) {
	if len(a.passwords) > 0 {
		c.logInWith(a, a.passwords[c.random.IntN(len(a.passwords))])
	}
}

func (c *client) logInWith(a *account, password string) (in bool) {
	got, known := c.ask(a, post(logIn, credentials(a.email, password)))
	if !known {
		return false
	}
	c.read()
	switch got.Status {
	case http.StatusOK:
		a.worked(password)
		switch actor := c.token(a, got); {
		case actor == "" && !a.customer.no:
			c.contradiction(a, "the customer is lost")
		case actor != "" && !a.customer.yes:
			c.contradiction(a, "nobody made a customer")
		case actor != "":
			a.customer = certain
		}
		return true
	case http.StatusUnauthorized:
		if !a.failed(password) {
			c.contradiction(a, "no password logs in, nor %q: %s", password, got.Body)
		}
	default:
		c.contradiction(a, "logging in: %d %s", got.Status, got.Body)
	}
	return false
}

// some returns a grant of that kind, nil if there is none.
func (c *client) some(a *account, what string) *grant {
	var of []*grant
	for _, g := range a.grants {
		if g.what == what {
			of = append(of, g)
		}
	}
	if len(of) == 0 {
		return nil
	}
	return of[c.random.IntN(len(of))]
}

// refused takes down that a credential was refused.
func (c *client) refused(a *account, g *grant, where string) {
	if !g.good.no {
		c.contradiction(a, "a good %s is refused at %s", g.what, where)
	}
	g.good = never
}

func (c *client) becomeCustomer(a *account) {
	g := c.some(a, "token")
	if g == nil || g.good != certain {
		return
	}
	got, known := c.ask(a, post("/store/customers", "{}", g.header...))
	switch {
	case !known:
		c.write("link", false)
		if a.customer == never {
			a.customer = maybe
		}
	case got.Status == http.StatusOK:
		c.write("link", true)
		a.customer = certain
	default:
		c.refused(a, g, "/store/customers")
	}
}

func (c *client) startSession(a *account) {
	g := c.some(a, "token")
	if g == nil {
		return
	}
	got, known := c.ask(a, post(session, "", g.header...))
	switch {
	case !known:
		c.write("session", false)
	case got.Status == http.StatusOK:
		c.write("session", true)
		if !g.good.yes {
			c.contradiction(a, "a session of a token that was ended")
		}
		a.granted("session", []string{"Cookie", cookie(got)}).good = g.good
	default:
		c.refused(a, g, session)
	}
}

func (c *client) endSession(a *account) {
	g := c.some(a, "session")
	if g == nil {
		return
	}
	got, known := c.ask(a, remove(session, g.header...))
	switch {
	case !known:
		c.write("log-out", false)
		if g.good.yes {
			g.good = maybe
		}
	case got.Status == http.StatusOK:
		c.write("log-out", true)
		g.good = never
	default:
		c.refused(a, g, session)
	}
}

func (c *client) changePassword(ctx context.Context, a *account) {
	asked := fmt.Sprintf(`{"identifier":%q}`, a.email)
	if got, known := c.ask(a, post(logIn+"/reset-password", asked)); !known || got.Status != http.StatusCreated {
		c.write("reset request", false)
		return
	}
	c.write("reset request", true)
	var token string
	for token == "" {
		if ctx.Err() != nil {
			return
		}
		time.Sleep(50 * time.Millisecond) // until the mail is there
		token = c.mail(a.email)
	}
	tried := false
	for ctx.Err() == nil {
		got, known := c.ask(a, newPassword(token))
		switch {
		case !known:
			c.write("password", false)
			a.changes(other, false)
			tried = true
			continue
		case got.Status == http.StatusOK:
			c.write("password", true)
		case got.Status == http.StatusUnauthorized && tried: // it was done
		default:
			c.contradiction(a, "changing the password: %d %s", got.Status, got.Body)
		}
		a.changes(other, true)
		return
	}
}

// check looks whether a credential counts.
func (c *client) check(a *account, g *grant) {
	got, known := c.ask(a, get("/anybody", g.header...))
	if !known {
		return
	}
	c.read()
	switch {
	case got.Status == http.StatusUnauthorized:
		c.refused(a, g, "/anybody")
	case got.Status != http.StatusOK:
		c.contradiction(a, "%s: %d %s", g.what, got.Status, got.Body)
	case !g.good.yes:
		c.contradiction(a, "a %s that was ended counts", g.what)
	}
}

// settle looks when all is well again whether the account is what the client was
// told.
func (c *client) settle(a *account) {
	for _, g := range a.grants {
		c.check(a, g)
	}
	in := 0
	for _, password := range append([]string(nil), a.passwords...) {
		if c.logInWith(a, password) {
			in++
		}
	}
	if a.registered == certain && in != 1 {
		c.contradiction(a, "%d of %d passwords log in", in, len(a.passwords))
	}
	c.logInWrongly(a)
}
