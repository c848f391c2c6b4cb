package caddymodule_test

import (
	"io"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// deleted answers as Medusa does when it has deleted the actor in the path.
func deleted(w http.ResponseWriter, r *http.Request) {
	id := path.Base(strings.TrimSuffix(r.URL.Path, "/delete"))
	writeJSON(w, `{"id":"`+id+`","object":"customer","deleted":true}`)
}

// When the backend has deleted an actor, the credentials of whoever had it end,
// and with the last actor the account does.
func TestUnlinking(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar {\nunlink customer POST /customers/*/delete\n}\nauth_require /mine customer\n" + mayJoin + "reverse_proxy {backend}"})
	eve := s.join(t, "user", "eve@example.com")
	says := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, body) }
	}
	own := "/customers/"
	for name, c := range map[string]struct {
		method, before, after string // of the path, around the actor's id. Default: DELETE /admin/customers/
		credential            []string
		answer                http.HandlerFunc
		gone                  bool
	}{
		"200":      {answer: deleted, gone: true},
		"204":      {method: "POST", before: own, after: "/delete", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, gone: true},
		"spelling": {before: "/Admin/CUSTOMERS/", after: "/", answer: deleted, gone: true},
		"chunked": {answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			_ = http.NewResponseController(w).Flush()
			deleted(w, r)
		}, gone: true},
		"gzip":                    {method: "POST", before: own, after: "/delete", answer: func(w http.ResponseWriter, _ *http.Request) { zipped(w, "{}") }, gone: true},
		"by an API key":           {credential: basic, answer: deleted, gone: true},
		"own route":               {method: "POST", before: "/customers/", after: "/delete", answer: deleted, gone: true},
		"own route by an API key": {method: "POST", before: own, after: "/delete", credential: basic, answer: deleted},
		// Some backends answer 200 to whatever they do not know.
		"200 to everything":   {answer: says(`{"errors":[{"message":"unknown"}]}`)},
		"another one deleted": {answer: says(`{"id":"cus_other","object":"customer","deleted":true}`)},
		"nobody deleted":      {answer: says(`{"deleted":false}`)},
		"refused": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(403)
		}},
		"not found": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(404)
		}},
		"failed":             {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
		"no JSON":            {answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }},
		"by nobody":          {credential: []string{"Accept", "*/*"}, answer: deleted},
		"by a forged bearer": {credential: []string{"Authorization", "Bearer x"}, answer: deleted},
		"another method":     {method: "GET", answer: deleted},
		"of a user":          {before: "/admin/users/", answer: deleted},
		"below the resource": {after: "/addresses", answer: deleted},
		"a route in between": {before: "/admin/customers/groups/", answer: deleted},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.join(t, "customer", address(name))
			target := or(c.before, "/admin/customers/") + p.actorID + c.after
			s.on(target, c.answer)
			credential := c.credential
			if credential == nil {
				credential = bearer(eve)
			}
			if r := s.send(t, or(c.method, "DELETE"), target, "", credential...); r.Header.Get("Echo") == "" {
				t.Errorf("the request did not get there: %d %s", r.StatusCode, r.body)
			}
			for _, header := range [][]string{bearer(p), session(p)} {
				r := s.send(t, "GET", "/mine", "", header...)
				if c.gone {
					r.want(t, http.StatusUnauthorized, unauthorized)
				} else {
					wantIdentity(t, r.seen(t), p.identity())
				}
			}
			if c.gone {
				if again := s.register(t, "customer", p.email); again.identityID == p.identityID {
					t.Error("the account lives on")
				}
			}
		})
	}
}

// Somebody with another actor keeps the account, but no credential that was
// issued before.
func TestUnlinkingOneOfTwo(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	staff := person{email: ada.email, actorType: "user", actorID: "user_1"}
	staff.take(t, s.send(t, "POST", "/auth/user/emailpass", logInBody(ada.email)))
	s.makeActor(t, staff)
	staff.take(t, s.send(t, "POST", "/auth/token/refresh", "", "Authorization", staff.bearer))
	if staff.identityID != ada.identityID {
		t.Fatalf("two accounts: %s and %s", staff.identityID, ada.identityID)
	}
	s.on("/admin/customers/"+ada.actorID, deleted)
	s.send(t, "DELETE", "/admin/customers/"+ada.actorID, "", bearer(staff)...)
	for _, credential := range [][]string{bearer(ada), session(ada), bearer(staff)} {
		wantIdentity(t, s.send(t, "GET", "/elsewhere", "", credential...).seen(t), nil)
	}
	staff.take(t, s.send(t, "POST", "/auth/user/emailpass", logInBody(ada.email)))
	wantIdentity(t, s.send(t, "GET", "/elsewhere", "", bearer(staff)...).seen(t), staff.identity())
	customer := person{actorType: "customer"}
	customer.take(t, s.send(t, "POST", "/auth/customer/emailpass", logInBody(ada.email)))
	if id := s.actorOf(t, customer); id != "" {
		t.Errorf("they are still the customer %s", id)
	}
}

// The store is away at the moment of unlinking: 503, and done later.
func TestUnlinkingWhileTheStoreIsDown(t *testing.T) {
	redis := identitytest.StartRedis(t)
	s := open(t, config{Redis: redis.URL() + " {\ntimeout 2s\n}", Realm: "revocation strict", Site: "auth_sidecar\nauth_require /mine customer\nreverse_proxy {backend}"})
	ada, eve := s.join(t, "customer", "ada@example.com"), s.join(t, "user", "eve@example.com")
	target := "/admin/customers/" + ada.actorID
	s.on(target, func(w http.ResponseWriter, r *http.Request) {
		redis.Pause()
		deleted(w, r)
	})
	s.send(t, "DELETE", target, "", bearer(eve)...).wantUnavailable(t)
	redis.Resume()
	eventually(t, "the actor is unlinked", func() bool {
		return s.send(t, "GET", "/mine", "", bearer(ada)...).StatusCode == http.StatusUnauthorized
	})
}
