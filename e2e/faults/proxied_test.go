//go:build unix

package faults

import (
	"net/http"
	"slices"
	"testing"
)

// proxied are the attempts at what is behind the sidecar.
func (s *stand) proxied(t testing.TB, p people) map[string]attempt {
	t.Helper()
	cold := s.joined(t)
	forged := cold
	forged.token = cold.token[:len(cold.token)-4] + "AAAA"
	forged.cookie = cold.cookie[:len(cold.cookie)-4] + "AAAA"

	as := func(who person, c call) attempt {
		a := fine(c, http.StatusOK)
		a.shows = served(who)
		return a
	}
	basic := []string{"Authorization", "Basic c2tfMTo="}
	return map[string]attempt{
		"anonymous":                      always(as(person{}, get("/store/x"))),
		"anonymous, POST":                always(as(person{}, post("/store/x", "{}"))),
		"anonymous, Basic":               always(as(person{}, get("/store/x", basic...))),
		"anonymous, WebSocket":           always(fine(upgrade("/store/x"), http.StatusSwitchingProtocols)),
		"anonymous, required":            always(refused(get("/mine"))),
		"anonymous, optional":            always(as(person{}, get("/optional"))),
		"forged bearer":                  always(as(person{}, get("/store/x", forged.bearer()...))),
		"forged bearer, required":        always(refused(get("/mine", forged.bearer()...))),
		"forged session":                 always(as(person{}, get("/store/x", forged.browser()...))),
		"forged session, required":       always(refused(get("/mine", forged.browser()...))),
		"warm bearer":                    warm(as(p.known, get("/store/x", p.known.bearer()...))),
		"warm bearer, required":          warm(as(p.known, get("/mine", p.known.bearer()...))),
		"warm session":                   warm(as(p.known, get("/store/x", p.known.browser()...))),
		"warm session, required":         warm(as(p.known, get("/mine", p.known.browser()...))),
		"warm session, POST":             warm(as(p.known, post("/mine", "{}", p.known.browser()...))),
		"warm bearer, WebSocket":         warm(fine(upgrade("/mine", p.known.bearer()...), http.StatusSwitchingProtocols)),
		"warm session, WebSocket":        warm(fine(upgrade("/mine", p.known.browser()...), http.StatusSwitchingProtocols)),
		"cold bearer":                    as(cold, get("/store/x", s.again(t, cold).bearer()...)),
		"cold session":                   as(cold, get("/store/x", s.again(t, cold).browser()...)),
		"cold session, required":         as(cold, get("/mine", s.again(t, cold).browser()...)),
		"cold session, optional":         as(cold, get("/optional", s.again(t, cold).browser()...)),
		"cold session and bearer":        as(cold, get("/mine", slices.Concat(s.again(t, cold).browser(), cold.bearer())...)),
		"cold session, foreign page":     as(cold, get("/mine", append(s.again(t, cold).browser(), "Origin", origin)...)),
		"cold session, WebSocket":        fine(upgrade("/mine", s.again(t, cold).browser()...), http.StatusSwitchingProtocols),
		"revoked bearer":                 known(as(person{}, get("/store/x", p.gone.bearer()...))),
		"revoked bearer, required":       known(refused(get("/mine", p.gone.bearer()...))),
		"revoked session":                known(as(person{}, get("/store/x", p.gone.browser()...))),
		"revoked session, required":      known(refused(get("/mine", p.gone.browser()...))),
		"revoked session, WebSocket":     known(refused(upgrade("/mine", p.gone.browser()...))),
		"becoming a customer, anonymous": always(refused(post("/store/customers", "{}"))),
	}
}
