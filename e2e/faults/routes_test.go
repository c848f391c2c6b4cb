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
	p.ended = s.again(t, p.known)
	remove(session, p.ended.browser()...).must(t, s.maker.URL(), http.StatusOK)
	for _, credential := range [][]string{p.gone.bearer(), p.gone.browser(), p.ended.browser()} {
		get("/mine", credential...).must(t, s.maker.URL(), http.StatusUnauthorized)
	}
	return p
}

// warms lets the node see the credentials of who is known.
func (s *stand) warms(t testing.TB, p people) {
	t.Helper()
	for _, credential := range [][]string{p.known.bearer(), p.known.browser()} {
		get("/mine", credential...).until(t, s.node.URL())
	}
}

// routes are the attempts at the routes of the sidecar itself, made anew for each
// fault, with these of its writes.
func (s *stand) routes(t testing.TB, p people, writes map[string]func(testing.TB) attempt) map[string]attempt {
	t.Helper()
	cold := s.joined(t)
	found := fine(get("/store/auth/"+p.known.email), http.StatusOK)
	found.shows = shows(`{"exists":true}`)
	notFound := fine(get("/store/auth/"+newAddress()), http.StatusOK)
	notFound.shows = shows(`{"exists":false}`)

	all := map[string]attempt{
		"register, address taken":          refused(post(register, credentials(p.known.email, password))),
		"log-in":                           fine(p.known.logIn(), http.StatusOK),
		"log-in, wrong password":           refused(p.known.logInBy(other)),
		"log-in, nobody":                   refused(post(logIn, credentials(newAddress(), password))),
		"session, revoked":                 known(refused(post(session, "", p.gone.bearer()...))),
		"log-out, no session":              s.endsNothing(p),
		"refresh by bearer":                fine(post(refresh, "", cold.bearer()...), http.StatusOK),
		"refresh by session":               fine(post(refresh, "", cold.browser()...), http.StatusOK),
		"refresh, revoked":                 refused(post(refresh, "", p.gone.bearer()...)),
		"refresh, session of old":          refused(post(refresh, "", p.gone.browser()...)),
		"reset request, nobody":            fine(post(logIn+"/reset-password", fmt.Sprintf(`{"identifier":%q}`, newAddress())), http.StatusCreated),
		"update, access token":             always(refused(post(logIn+"/update", fmt.Sprintf(`{"password":%q}`, other), p.known.bearer()...))),
		"third party, state of nobody":     refused(get("/auth/customer/people/callback?code=x&state=y")),
		"providers":                        always(fine(get("/auth/customer/providers"), http.StatusOK)),
		"no route":                         always(fine(get("/auth/customer"), http.StatusNotFound)),
		"sessions, list":                   fine(get(sessions, cold.browser()...), http.StatusOK),
		"sessions, list by bearer":         fine(get(sessions, cold.bearer()...), http.StatusOK),
		"sessions, list, revoked":          known(refused(get(sessions, p.gone.bearer()...))),
		"sessions, end all, session ended": refused(remove(sessions, p.ended.browser()...)),
		"v1 exists":                        found,
		"v1 exists not":                    notFound,
	}
	for name, make := range writes {
		all[name] = make(t)
	}
	for name, a := range s.routesV1(t, p) {
		all["v1 "+name] = a
	}
	return all
}

// routesV1 are the attempts at the routes of the older dialect.
func (s *stand) routesV1(t testing.TB, p people) map[string]attempt {
	t.Helper()
	cold := s.joined(t)
	return map[string]attempt{
		"log-in, wrong password": refused(post("/store/auth", credentials(p.known.email, other))),
		"log-in, nobody":         refused(post("/store/auth", credentials(newAddress(), password))),
		"token":                  fine(post("/store/auth/token", credentials(p.known.email, password)), http.StatusOK),
		"token, wrong password":  refused(post("/store/auth/token", credentials(p.known.email, other))),
		"staff, no user":         refused(post("/admin/auth", credentials(p.known.email, password))),
		"who, session":           fine(get("/store/auth", cold.browser()...), http.StatusOK),
		"who, bearer":            fine(get("/store/auth", cold.bearer()...), http.StatusOK),
		"who, session ended":     refused(get("/store/auth", p.ended.browser()...)),
		"who, staff":             refused(get("/admin/auth", cold.browser()...)),
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
