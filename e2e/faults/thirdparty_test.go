//go:build unix

package faults

import (
	"net/http"
	"testing"
)

const (
	outside     = "/auth/customer/people"
	wantsToLink = `{"link":true}`
)

// comesBy logs in at the third party by way of the maker, as the person of that
// address.
func (s *stand) comesBy(t testing.TB, email string) person {
	t.Helper()
	p := person{email: email}
	p.take(t, s.goesOut(t, email).callback().must(t, s.maker.URL(), http.StatusOK))
	return p
}

func (s *stand) goes(testing.TB) attempt {
	a := fine(post(outside, ""), http.StatusOK)
	a.sets = true
	return a
}

func (s *stand) returns(t testing.TB) attempt {
	address := newAddress()
	a := fine(s.goesOut(t, address).callback(), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusUnauthorized) // the attempt is used up: the person begins again
		}
		if first, second := s.comesBy(t, address), s.comesBy(t, address); first.identity != second.identity {
			t.Errorf("one person is %s and %s", first.identity, second.identity)
		}
	}
	return a
}

// linking is a callback that adds an account of the third party to a person.
func (s *stand) linking(t testing.TB, p person, account string) call {
	t.Helper()
	out := s.visits(t, post(outside, wantsToLink, p.bearer()...).must(t, s.maker.URL(), http.StatusOK), account)
	c := out.callback()
	c.header = append(c.header, p.bearer()...)
	return c
}

func (s *stand) links(t testing.TB) attempt {
	p, account := s.joined(t), newAddress()
	a := fine(s.linking(t, p, account), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusUnauthorized)
			s.linking(t, p, account).must(t, s.maker.URL(), http.StatusOK) // again from the beginning
		}
		if by := s.comesBy(t, account); by.identity != p.identity {
			t.Errorf("who linked an account is %s, and by the account %s", p.identity, by.identity)
		}
		p.logIn().must(t, s.maker.URL(), http.StatusOK)
	}
	return a
}

func (s *stand) removes(t testing.TB) attempt {
	p, account := s.joined(t), newAddress()
	s.linking(t, p, account).must(t, s.maker.URL(), http.StatusOK)
	a := fine(remove(outside, p.bearer()...), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusUnauthorized) // that ended the token
		}
		get("/mine", p.bearer()...).must(t, s.maker.URL(), http.StatusUnauthorized)
		if by := s.comesBy(t, account); by.identity == p.identity {
			t.Error("an account that was removed still logs in")
		}
		p.logIn().must(t, s.maker.URL(), http.StatusOK)
	}
	return a
}
