//go:build unix

package faults

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// people are those whom every fault meets again.
type people struct {
	known person // the node has seen the token and the session
	gone  person // whose token and session were revoked
	ended person // known, by a session that was ended
}

// newPeople makes them.
func (s *stand) newPeople(t testing.TB) people {
	t.Helper()
	p := people{known: s.joined(t), gone: s.joined(t)}
	token := s.resetToken(t, p.gone)
	post(logIn+"/update", fmt.Sprintf(`{"password":%q}`, other), "Authorization", "Bearer "+token).must(t, s.maker.URL(), http.StatusOK)
	for _, credential := range [][]string{p.known.bearer(), p.known.browser()} {
		get("/mine", credential...).must(t, s.node.URL(), http.StatusOK)
	}
	p.ended = s.again(t, p.known)
	remove(session, p.ended.browser()...).must(t, s.maker.URL(), http.StatusOK)
	for _, credential := range [][]string{p.gone.bearer(), p.gone.browser(), p.ended.browser()} {
		get("/mine", credential...).must(t, s.maker.URL(), http.StatusUnauthorized)
	}
	return p
}

// routes are the attempts at the routes of the sidecar itself, made anew for each
// fault, with what they need.
func (s *stand) routes(t testing.TB, p people) map[string]attempt {
	t.Helper()
	maker := s.maker.URL()
	cold := s.joined(t)
	leaves, stays := s.again(t, p.known), s.again(t, p.known)
	new, forgetful := newAddress(), s.registered(t)
	out := s.goesOut(t, newAddress())
	reset := s.resetToken(t, forgetful)
	asks := s.registered(t)

	started := fine(post(session, "", cold.bearer()...), http.StatusOK)
	started.sets = true
	replaced := fine(post(session, "", append(stays.bearer(), stays.browser()...)...), http.StatusOK)
	replaced.sets = true
	ended := fine(remove(session, leaves.browser()...), http.StatusOK)
	ended.sets = true
	ended.settles = func(t testing.TB, acknowledged bool) {
		for _, url := range []string{s.node.URL(), maker} {
			if a := get("/mine", leaves.browser()...).until(t, url); acknowledged && a.Status != http.StatusUnauthorized {
				t.Errorf("a session that was ended is answered %d", a.Status)
			}
		}
		if a := ended.until(t, s.node.URL()); a.Status != http.StatusOK && a.Status != http.StatusUnauthorized {
			t.Errorf("ending a session again: %d %s", a.Status, a.Body)
		}
		get("/mine", leaves.browser()...).must(t, maker, http.StatusUnauthorized)
	}
	registered := fine(post(register, credentials(new, password)), http.StatusOK)
	registered.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			if a := registered.until(t, s.node.URL()); a.Status != http.StatusOK {
				t.Errorf("registering again: %d %s", a.Status, a.Body)
			}
		}
		post(logIn, credentials(new, password)).must(t, maker, http.StatusOK)
	}
	updated := fine(post(logIn+"/update", fmt.Sprintf(`{"password":%q}`, other), "Authorization", "Bearer "+reset), http.StatusOK)
	updated.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged { // it may have been done nevertheless, then the token is used up
			if a := updated.until(t, s.node.URL()); a.Status != http.StatusOK && a.Status != http.StatusUnauthorized {
				t.Errorf("changing the password again: %d %s", a.Status, a.Body)
			}
		}
		forgetful.logInBy(other).must(t, maker, http.StatusOK)
		forgetful.logIn().must(t, maker, http.StatusUnauthorized)
		get("/mine", forgetful.bearer()...).must(t, maker, http.StatusUnauthorized)
	}
	asked := fine(post(logIn+"/reset-password", fmt.Sprintf(`{"identifier":%q}`, asks.email)), http.StatusCreated)
	asked.settles = func(t testing.TB, acknowledged bool) {
		if acknowledged {
			eventually(t, "a reset that was accepted is delivered", func() bool { return s.delivered(t, asks.email) != "" })
		}
	}
	begun := fine(post("/auth/customer/people", ""), http.StatusOK)
	begun.sets = true
	returned := fine(out.callback(), http.StatusOK)
	returned.settles = func(t testing.TB, _ bool) {
		// The attempt may be used up: then the person begins again.
		if a := returned.until(t, s.node.URL()); a.Status != http.StatusOK && a.Status != http.StatusUnauthorized {
			t.Errorf("coming back again: %d %s", a.Status, a.Body)
		}
	}
	found := fine(get("/store/auth/"+p.known.email), http.StatusOK)
	found.shows = shows(`{"exists":true}`)
	notFound := fine(get("/store/auth/"+newAddress()), http.StatusOK)
	notFound.shows = shows(`{"exists":false}`)

	all := map[string]attempt{
		"register":                     registered,
		"register, address taken":      refused(post(register, credentials(p.known.email, password))),
		"log-in":                       fine(p.known.logIn(), http.StatusOK),
		"log-in, wrong password":       refused(p.known.logInBy(other)),
		"log-in, nobody":               refused(post(logIn, credentials(newAddress(), password))),
		"session":                      started,
		"session, replaced":            replaced,
		"session, revoked":             known(refused(post(session, "", p.gone.bearer()...))),
		"log-out":                      ended,
		"log-out, no session":          refused(remove(session, p.ended.browser()...)),
		"refresh by bearer":            fine(post(refresh, "", cold.bearer()...), http.StatusOK),
		"refresh by session":           fine(post(refresh, "", cold.browser()...), http.StatusOK),
		"refresh, revoked":             refused(post(refresh, "", p.gone.bearer()...)),
		"refresh, session of old":      refused(post(refresh, "", p.gone.browser()...)),
		"reset request":                asked,
		"reset request, nobody":        fine(post(logIn+"/reset-password", fmt.Sprintf(`{"identifier":%q}`, newAddress())), http.StatusCreated),
		"update":                       updated,
		"update, access token":         always(refused(post(logIn+"/update", fmt.Sprintf(`{"password":%q}`, other), p.known.bearer()...))),
		"third party, start":           begun,
		"third party, callback":        returned,
		"third party, state of nobody": refused(get("/auth/customer/people/callback?code=x&state=y")),
		"providers":                    always(fine(get("/auth/customer/providers"), http.StatusOK)),
		"no route":                     always(fine(get("/auth/customer"), http.StatusNotFound)),
		"v1 exists":                    found,
		"v1 exists not":                notFound,
	}
	for name, a := range s.routesV1(t, p) {
		all["v1 "+name] = a
	}
	return all
}

// routesV1 are the attempts at the routes of the older dialect.
func (s *stand) routesV1(t testing.TB, p people) map[string]attempt {
	t.Helper()
	maker := s.maker.URL()
	cold, leaves := s.again(t, p.known), s.again(t, p.known)
	new := newAddress()
	began := fine(post("/store/auth", credentials(p.known.email, password)), http.StatusOK)
	began.sets = true
	ended := fine(remove("/store/auth", leaves.browser()...), http.StatusOK)
	ended.sets = true
	ended.settles = func(t testing.TB, acknowledged bool) {
		if a := get("/mine", leaves.browser()...).until(t, maker); acknowledged && a.Status != http.StatusUnauthorized {
			t.Errorf("a session that was ended is answered %d", a.Status)
		}
	}
	made := fine(post("/store/customers", credentials(new, password)), http.StatusOK)
	made.sets = true
	made.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged { // it may have been made nevertheless, then the address is taken
			if a := made.until(t, s.node.URL()); a.Status != http.StatusOK && a.Status != http.StatusUnprocessableEntity {
				t.Errorf("making the customer again: %d %s", a.Status, a.Body)
			}
		}
		post("/store/auth", credentials(new, password)).must(t, maker, http.StatusOK)
	}
	return map[string]attempt{
		"log-in":                 began,
		"log-in, wrong password": refused(post("/store/auth", credentials(p.known.email, other))),
		"log-in, nobody":         refused(post("/store/auth", credentials(newAddress(), password))),
		"token":                  fine(post("/store/auth/token", credentials(p.known.email, password)), http.StatusOK),
		"token, wrong password":  refused(post("/store/auth/token", credentials(p.known.email, other))),
		"staff, no user":         refused(post("/admin/auth", credentials(p.known.email, password))),
		"who, session":           fine(get("/store/auth", cold.browser()...), http.StatusOK),
		"who, bearer":            fine(get("/store/auth", cold.bearer()...), http.StatusOK),
		"who, session ended":     refused(get("/store/auth", p.ended.browser()...)),
		"who, staff":             refused(get("/admin/auth", cold.browser()...)),
		"log-out":                ended,
		"customer":               made,
		"reset request":          fine(post("/store/customers/password-token", fmt.Sprintf(`{"email":%q}`, newAddress())), http.StatusNoContent),
		"reset, bad token":       always(refused(post("/store/customers/password-reset", fmt.Sprintf(`{"email":%q,"password":%q,"token":"x"}`, p.known.email, other)))),
	}
}

func shows(body string) func(e2e.Answer) error {
	return func(a e2e.Answer) error {
		if strings.TrimSpace(a.Body) != body {
			return errors.New("answered " + a.Body)
		}
		return nil
	}
}
