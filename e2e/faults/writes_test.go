//go:build unix

package faults

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// writes are the attempts that change what is stored, each with people of its own.
// What is acknowledged must be so afterwards; what is not is tried again, as a
// client does, and must end well.
func (s *stand) writes() map[string]func(testing.TB) attempt {
	return map[string]func(testing.TB) attempt{
		"register":              s.registers,
		"update":                s.updates,
		"reset request":         s.asks,
		"session":               s.starts,
		"session, replaced":     s.replaces,
		"log-out":               s.ends,
		"sessions, end one":     s.endsListed,
		"sessions, end all":     s.endsAll,
		"sessions, end others":  s.endsOthers,
		"becoming a customer":   s.becomes,
		"third party, start":    s.goes,
		"third party, callback": s.returns,
		"third party, link":     s.links,
		"third party, removal":  s.removes,
		"v1 customer":           s.makesV1,
		"v1 log-in":             s.startsV1,
		"v1 log-out":            s.endsV1,
		"v1 reset":              s.updatesV1,
	}
}

// again sends an attempt that was not acknowledged once more, until the store can
// be asked: it is done, or answered as it is when it was done before.
func (s *stand) repeat(t testing.TB, a attempt, before ...int) {
	t.Helper()
	if got := a.until(t, s.node.URL()); !slices.Contains(append(before, a.answers...), got.Status) {
		t.Errorf("%s %s again: %d %s", a.method, a.target, got.Status, got.Body)
	}
}

func (s *stand) registers(testing.TB) attempt {
	address := newAddress()
	a := fine(post(register, credentials(address, password)), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a)
		}
		post(logIn, credentials(address, password)).must(t, s.maker.URL(), http.StatusOK)
		post(logIn, credentials(address, other)).must(t, s.maker.URL(), http.StatusUnauthorized)
	}
	return a
}

func newPassword(token string) call {
	return post(logIn+"/update", fmt.Sprintf(`{"password":%q}`, other), "Authorization", "Bearer "+token)
}

func (s *stand) updates(t testing.TB) attempt {
	p := s.registered(t)
	a := fine(newPassword(s.resetToken(t, p)), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusUnauthorized) // the token is used up
		}
		p.logInBy(other).must(t, s.maker.URL(), http.StatusOK)
		p.logIn().must(t, s.maker.URL(), http.StatusUnauthorized)
		get("/mine", p.bearer()...).must(t, s.maker.URL(), http.StatusUnauthorized)
	}
	return a
}

func (s *stand) asks(t testing.TB) attempt {
	p := s.registered(t)
	a := fine(post(logIn+"/reset-password", fmt.Sprintf(`{"identifier":%q}`, p.email)), http.StatusCreated)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a)
		}
		eventually(t, "a reset that was accepted is delivered", func() bool { return s.delivered(p.email) != "" })
	}
	return a
}

func (s *stand) starts(t testing.TB) attempt {
	p := s.joined(t)
	a := fine(post(session, "", p.bearer()...), http.StatusOK)
	a.sets = true
	a.started = func(t testing.TB, cookie string) { s.stays(t, p, cookie) }
	return a
}

// stays checks that a session is there.
func (s *stand) stays(t testing.TB, p person, cookie string) {
	t.Helper()
	if err := served(p)(get("/mine", "Cookie", cookie).must(t, s.maker.URL(), http.StatusOK)); err != nil {
		t.Error(err)
	}
}

func (s *stand) replaces(t testing.TB) attempt {
	p := s.joined(t)
	a := fine(post(session, "", append(p.bearer(), p.browser()...)...), http.StatusOK)
	a.sets = true
	a.started = func(t testing.TB, cookie string) {
		s.stays(t, p, cookie)
		get("/mine", p.browser()...).must(t, s.maker.URL(), http.StatusUnauthorized)
	}
	return a
}

// endsBy is a log-out of a person who is logged in by the cookie alone.
func (s *stand) endsBy(t testing.TB, target string) attempt {
	p := s.joined(t)
	a := fine(remove(target, p.browser()...), http.StatusOK)
	a.sets = true
	a.settles = func(t testing.TB, acknowledged bool) {
		if acknowledged { // here, where it was done, at once
			if got := get("/mine", p.browser()...).until(t, s.node.URL()); got.Status != http.StatusUnauthorized {
				t.Errorf("a session that was ended is answered %d", got.Status)
			}
		} else {
			s.repeat(t, a, http.StatusUnauthorized)
		}
		get("/mine", p.browser()...).must(t, s.maker.URL(), http.StatusUnauthorized)
	}
	return a
}

// endsNothing is a log-out from a session that is gone: done again where replicas may
// not know it, else refused.
func (s *stand) endsNothing(p people) attempt {
	c := remove(session, p.ended.browser()...)
	if s.topology.wait == 0 {
		return refused(c)
	}
	a := fine(c, http.StatusOK)
	a.sets = true
	return a
}

func (s *stand) ends(t testing.TB) attempt   { return s.endsBy(t, session) }
func (s *stand) endsV1(t testing.TB) attempt { return s.endsBy(t, "/store/auth") }

func (s *stand) becomes(t testing.TB) attempt {
	p := s.registered(t)
	a := fine(post("/store/customers", "{}", p.bearer()...), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a)
		}
		linked := p
		linked.take(t, post(refresh, "", p.bearer()...).must(t, s.maker.URL(), http.StatusOK))
		if linked.actor == "" {
			t.Error("who became a customer is none")
		}
	}
	return a
}

func (s *stand) makesV1(testing.TB) attempt {
	address := newAddress()
	a := fine(post("/store/customers", credentials(address, password)), http.StatusOK)
	a.sets = true
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusUnprocessableEntity) // there is such a customer
		}
		post("/store/auth", credentials(address, password)).must(t, s.maker.URL(), http.StatusOK)
	}
	return a
}

func (s *stand) startsV1(t testing.TB) attempt {
	p := s.joined(t)
	a := fine(post("/store/auth", credentials(p.email, password)), http.StatusOK)
	a.sets = true
	a.started = func(t testing.TB, cookie string) { s.stays(t, p, cookie) }
	return a
}

func (s *stand) updatesV1(t testing.TB) attempt {
	p := s.joined(t)
	post("/store/customers/password-token", fmt.Sprintf(`{"email":%q}`, p.email)).must(t, s.maker.URL(), http.StatusNoContent)
	var token string
	eventually(t, "the token of the reset is delivered", func() bool {
		token = s.delivered(p.email)
		return token != ""
	})
	a := fine(post("/store/customers/password-reset", fmt.Sprintf(`{"email":%q,"password":%q,"token":%q}`, p.email, other, token)), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusUnauthorized)
		}
		post("/store/auth", credentials(p.email, other)).must(t, s.maker.URL(), http.StatusOK)
		post("/store/auth", credentials(p.email, password)).must(t, s.maker.URL(), http.StatusUnauthorized)
		get("/mine", p.browser()...).must(t, s.maker.URL(), http.StatusUnauthorized)
	}
	return a
}
