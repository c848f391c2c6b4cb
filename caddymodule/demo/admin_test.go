package demo_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

func TestAdminRoutesAreForUsers(t *testing.T) {
	t.Parallel()
	routes := map[string]string{
		"/admin/invites":         http.MethodPost,
		"/admin/users/me":        http.MethodGet,
		"/admin/users/user_1":    http.MethodDelete,
		"/admin/customers":       http.MethodGet,
		"/ADMIN/customers/":      http.MethodGet,
		"/admin/customers/cus_1": http.MethodDelete,
	}
	callers := map[string]demo.Caller{
		"anonymous": nobody,
		"customer":  {ActorType: "customer", ActorID: "cus_1", IdentityID: "authid_1"},
		"actorless": {ActorType: "user", IdentityID: "authid_1"},
	}
	forEachBackend(t, func(t *testing.T, b backend) {
		for target, method := range routes {
			for name, as := range callers {
				if w := b.do(t, as, method, target, ""); w.Code != 401 || w.Body.String() != unauthorized {
					t.Errorf("%s %s, %s: got %d %s", method, target, name, w.Code, w.Body)
				}
			}
		}
	})
}

func TestInvite(t *testing.T) {
	t.Parallel()
	invitee := demo.Caller{ActorType: "user", IdentityID: "authid_inv"}
	forEachBackend(t, func(t *testing.T, b backend) {
		invite := b.invite(t, "in@example.com")
		accept := "/admin/invites/accept?token=" + url.QueryEscape(invite)
		refused := []struct {
			name, target, body string
			as                 demo.Caller
			status             int
			want               string
		}{
			{"no invite token", "/admin/invites/accept", "{}", invitee, 400, `{"type":"invalid_data","message":"Invalid request: Field 'token' is required"}`},
			{"bad invite token", "/admin/invites/accept?token=bad", "{}", invitee, 401, unauthorized},
			{"customer", accept, "{}", newcomer, 401, unauthorized},
			{"anonymous", accept, "{}", nobody, 401, unauthorized},
			{"is a user", accept, "{}", admin, 400, `{"type":"invalid_data","message":"The user is already authenticated and cannot accept an invite."}`},
			{"unknown member", accept, `{"role":"x"}`, invitee, 400, `{"type":"invalid_data","message":"Invalid request: Unrecognized fields: 'role'"}`},
			{"signed by another", "/admin/invites/accept?token=" + token(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{
				"id": "invite_1", "email": "in@example.com", "exp": time.Now().Add(time.Hour).Unix(),
			}), "{}", invitee, 401, unauthorized},
		}
		for _, tc := range refused {
			if w := b.do(t, tc.as, http.MethodPost, tc.target, tc.body); w.Code != tc.status || w.Body.String() != tc.want {
				t.Errorf("%s: got %d %s\nwant %d %s", tc.name, w.Code, w.Body, tc.status, tc.want)
			}
		}

		w := b.do(t, invitee, http.MethodPost, accept, `{"first_name":"In","last_name":"V"}`)
		want := `{"user":{"id":"user_ID","first_name":"In","last_name":"V","email":"in@example.com","avatar_url":null,"metadata":null,"created_at":"TIME","updated_at":"TIME","deleted_at":null}}`
		if got := normal(w.Body.String()); w.Code != 200 || got != want {
			t.Fatalf("accept: got %d %s\nwant 200 %s", w.Code, got, want)
		}
		user := demo.Caller{ActorType: "user", ActorID: idOf(t, w), IdentityID: invitee.IdentityID}
		wantLink := ""
		if b.links {
			wantLink = "user=" + user.ActorID
		}
		if got := w.Header().Get("X-Auth-Link"); got != wantLink {
			t.Errorf("X-Auth-Link: got %q, want %q", got, wantLink)
		}
		if me := b.do(t, user, http.MethodGet, "/admin/users/me", ""); me.Body.String() != w.Body.String() {
			t.Errorf("me: got %d %s\nwant %s", me.Code, me.Body, w.Body)
		}
		other := demo.Caller{ActorType: "user", IdentityID: "authid_other"}
		if w := b.do(t, other, http.MethodPost, accept, `{"email":"other@example.com"}`); w.Code != 401 || w.Body.String() != unauthorized {
			t.Errorf("accept again: got %d %s", w.Code, w.Body)
		}

		gone := `{"id":"` + user.ActorID + `","object":"user","deleted":true}`
		if w := b.do(t, admin, http.MethodDelete, "/admin/users/"+user.ActorID, ""); w.Code != 200 || w.Body.String() != gone {
			t.Errorf("delete: got %d %s, want %s", w.Code, w.Body, gone)
		}
		missing := `{"type":"not_found","message":"User with id: ` + user.ActorID + ` was not found"}`
		if w := b.do(t, user, http.MethodGet, "/admin/users/me", ""); w.Code != 404 || w.Body.String() != missing {
			t.Errorf("me of a deleted user: got %d %s, want %s", w.Code, w.Body, missing)
		}
		if w := b.do(t, admin, http.MethodDelete, "/admin/users/"+user.ActorID, ""); w.Code != 404 || w.Body.String() != missing {
			t.Errorf("delete again: got %d %s, want %s", w.Code, w.Body, missing)
		}
	})
}

// invite makes an invite over the wire and returns its token.
func (b backend) invite(t *testing.T, email string) string {
	t.Helper()
	w := b.do(t, admin, http.MethodPost, "/admin/invites", `{"email":"`+email+`"}`)
	var answer struct {
		Invite struct{ Email, Token string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || answer.Invite.Email != email {
		t.Fatalf("invite: got %d %s", w.Code, w.Body)
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(answer.Invite.Token, claims); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "email", "jti", "iat", "exp"} { // what the dashboard looks for
		if claims[name] == nil {
			t.Errorf("no %s in the invite token's claims %v", name, claims)
		}
	}
	return answer.Invite.Token
}

func TestInviteEndsAfterADay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wait   time.Duration
		status int
	}{
		"before": {24*time.Hour - time.Second, 200},
		"after":  {24 * time.Hour, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				records := demo.NewRecords()
				invite, err := records.Invite("in@example.com")
				if err != nil {
					t.Fatal(err)
				}
				b := backend{
					shop: demo.NewShop(demo.ShopOptions{
						Authenticate: func(*http.Request) demo.Caller {
							return demo.Caller{ActorType: "user", IdentityID: "authid_inv"}
						},
						Records: records,
					}),
				}
				time.Sleep(tc.wait) // the bubble's clock
				w := b.do(t, nobody, http.MethodPost, "/admin/invites/accept?token="+url.QueryEscape(invite), "")
				if w.Code != tc.status {
					t.Errorf("got %d %s, want %d", w.Code, w.Body, tc.status)
				}
			})
		})
	}
}

func TestListCustomers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query  string
		status int
		emails []string
		count  int
	}{
		"all":        {"", 200, []string{"c0@example.com", "c1@example.com", "c2@example.com"}, 3},
		"page":       {"?offset=1&limit=1", 200, []string{"c1@example.com"}, 3},
		"past":       {"?offset=3", 200, nil, 3},
		"negative":   {"?offset=-1", 400, nil, 0},
		"not number": {"?limit=x", 400, nil, 0},
	}
	forEachBackend(t, func(t *testing.T, b backend) {
		for i := range 3 {
			b.register(t, fmt.Sprintf("c%d@example.com", i), fmt.Sprintf("authid_%d", i))
		}
		for name, tc := range tests {
			w := b.do(t, admin, http.MethodGet, "/admin/customers"+tc.query, "")
			var answer struct {
				Customers []struct{ Email string }
				Count     int
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			var emails []string
			for _, c := range answer.Customers {
				emails = append(emails, c.Email)
			}
			if w.Code != tc.status || fmt.Sprint(emails) != fmt.Sprint(tc.emails) || answer.Count != tc.count {
				t.Errorf("%s: got %d %s", name, w.Code, w.Body)
			}
		}
	})
}
