package httpapi_test

import "testing"

// Whoever came by google once, without becoming a customer, links it to the
// account that they have; what they were given before is worth nothing then.
func TestLinkAbsorbsNobody(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"Authorization", "Cookie"} {
		s := newShop(t, withLinks)
		state, _ := s.begin(post(googlePath, `{}`))
		nobody := s.token(s.mustDo(200, request{"GET", callbackPath + back(state, "ann"), "", nil}))
		nobodys := s.login(nobody)
		if c := s.claims(nobody); c.ActorID != "" {
			t.Fatalf("got %+v", c)
		}
		raw := s.customer("ann@example.com", "pass-1", "cus_1")
		header := map[string]string{"Authorization": bearer(raw), "Cookie": s.login(raw)}[how]
		linked := s.claims(s.linked("ann", how, header))
		if linked.IdentityID != s.claims(raw).IdentityID || linked.ActorID != "cus_1" || linked.Provider != "google" {
			t.Errorf("got %+v", linked)
		}
		for name, header := range map[string]map[string]string{"token": headers("Authorization", bearer(nobody)), "session": headers("Cookie", nobodys)} {
			for _, q := range []request{{"POST", refreshPath, "", header}, {"POST", sessionPath, "", header}, {"DELETE", googlePath, "", header}} {
				if res := s.do(q); res.status != 401 {
					t.Errorf("the %s of nobody, %s %s: got %d %s", name, q.method, q.path, res.status, res.body)
				}
			}
		}
		s.mustDo(200, request{"POST", refreshPath, "", headers(how, header)}) // nothing of hers ended
		state, _ = s.begin(post(googlePath, `{}`))
		if c := s.claims(s.token(s.mustDo(200, request{"GET", callbackPath + back(state, "ann"), "", nil}))); c.ActorID != "cus_1" {
			t.Errorf("got %+v", c)
		}
		// Now it is somebody's.
		other := s.register("bob@example.com", "pass-1")
		state, _ = s.begin(post(googlePath, `{"link":true}`, "Authorization", bearer(other)))
		res := s.do(request{"GET", callbackPath + back(state, "ann"), "", headers("Authorization", bearer(other))})
		if res.status != 400 || res.body != `{"type":"not_allowed","message":"The google account belongs to another identity"}` {
			t.Errorf("got %d %s", res.status, res.body)
		}
	}
}
