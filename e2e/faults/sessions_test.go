//go:build unix

package faults

import (
	"encoding/json"
	"net/http"
	"testing"
)

const sessions = "/auth/sessions"

// endsListed is a person who ends one session from another browser.
func (s *stand) endsListed(t testing.TB) attempt {
	p := s.joined(t)
	here := s.again(t, p)
	var listed struct {
		Sessions []struct {
			ID      string
			Current bool
		}
	}
	got := get(sessions, here.browser()...).must(t, s.maker.URL(), http.StatusOK)
	if err := json.Unmarshal([]byte(got.Body), &listed); err != nil || len(listed.Sessions) != 2 {
		t.Fatalf("listed %s, %v", got.Body, err)
	}
	id := listed.Sessions[0].ID
	if listed.Sessions[0].Current {
		id = listed.Sessions[1].ID
	}
	a := fine(remove(sessions+"/"+id, here.browser()...), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusNotFound)
		}
		get("/mine", p.browser()...).must(t, s.maker.URL(), http.StatusUnauthorized)
		get("/mine", here.browser()...).must(t, s.maker.URL(), http.StatusOK)
	}
	return a
}

// endsAll is a person who ends all there is.
func (s *stand) endsAll(t testing.TB) attempt {
	p := s.joined(t)
	a := fine(remove(sessions, p.browser()...), http.StatusOK)
	a.sets = true
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusUnauthorized)
		}
		get("/mine", p.browser()...).must(t, s.maker.URL(), http.StatusUnauthorized)
		get("/mine", p.bearer()...).must(t, s.maker.URL(), http.StatusUnauthorized)
		p.logIn().must(t, s.maker.URL(), http.StatusOK)
	}
	return a
}

// endsOthers is a person who ends all but the session at hand.
func (s *stand) endsOthers(t testing.TB) attempt {
	p := s.joined(t)
	here := s.again(t, p)
	a := fine(remove(sessions+"?except=current", here.browser()...), http.StatusOK)
	a.settles = func(t testing.TB, acknowledged bool) {
		if !acknowledged {
			s.repeat(t, a, http.StatusUnauthorized) // what was at hand may have ended with the others
		}
		get("/mine", p.browser()...).must(t, s.maker.URL(), http.StatusUnauthorized)
		get("/mine", p.bearer()...).must(t, s.maker.URL(), http.StatusUnauthorized)
		if acknowledged {
			get("/mine", here.browser()...).must(t, s.maker.URL(), http.StatusOK)
		}
		p.logIn().must(t, s.maker.URL(), http.StatusOK)
	}
	return a
}
