//go:build unix

package attacks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// purpose is a kind of secret that somebody may hold.
type purpose string

// place is somewhere that takes secrets, each for one purpose.
type place struct {
	name string
	// takes are the purposes for which it is there. All others are refused.
	takes []purpose
	// alike are secrets of the same purpose that belong to another case.
	alike []purpose
	// present shows it the secret.
	present func(t testing.TB, secret string) *answer
}

// Everything that looks like a credential, presented at every place as every
// other: only what the place is for passes (attack E3).
func TestPurposes(t *testing.T) {
	s := openShop(t)
	b := s.begin(t)
	secrets := s.secrets(t, b)
	places := s.places(t, b)
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			for kind, secret := range secrets {
				if slices.Contains(p.takes, kind) || slices.Contains(p.alike, kind) {
					continue
				}
				if a := p.present(t, secret); passed(a) {
					t.Errorf("%s is taken: %d %s", kind, a.status, a.body)
				}
			}
		})
	}
	// They were good for their own places all the time. What is used once comes last.
	for _, p := range places {
		for _, kind := range p.takes {
			secret, ok := secrets[kind]
			if !ok {
				t.Fatalf("%s takes %s, of which there is none", p.name, kind)
			}
			if a := p.present(t, secret); !passed(a) {
				t.Errorf("%s does not take %s: %d %s", p.name, kind, a.status, a.body)
			}
		}
	}
}

// passed reports whether a place took the secret: it did, or the backend got the
// request.
func passed(a *answer) bool { return a.status/100 == 2 }

// secrets makes one of each purpose.
func (s *shop) secrets(t testing.TB, b attempt) map[purpose]string {
	t.Helper()
	value := func(cookie string) string { _, v, _ := strings.Cut(cookie, "="); return v }
	older := func(side, email string) string {
		return s.call(t, "both.test", "POST", "/"+side+"/auth/token", logIn(email)).member(t, "access_token")
	}
	minted := s.call(t, "shop.test", "GET", "/mine", "", "Cookie", s.people["ada"].cookie).received()
	s.join(t, "shop.test", "customer", "rea@example.com")
	s.join(t, "shop.test", "customer", "rob@example.com")
	started := s.call(t, "shop.test", "POST", "/auth/session", "", "Authorization", "Bearer "+s.people["ada"].token).header.Values("Set-Cookie")
	if len(started) != 2 {
		t.Fatalf("a log-in sets %q", started)
	}
	device, _, _ := strings.Cut(started[1], ";")
	listed, _ := s.sessions(t, "Cookie", s.people["ada"].cookie)
	return map[purpose]string{
		"access, customer":        s.people["ada"].token,
		"access, user":            s.people["eve"].token,
		"older access, customer":  older("store", "ada@example.com"),
		"older access, user":      older("admin", "eve@example.com"),
		"access for the backend":  strings.TrimPrefix(strings.Join(minted.all("Authorization"), ""), "Bearer "),
		"access of another realm": s.people["oda"].token,
		"registration":            s.people["bob"].token,
		"reset":                   s.resetToken(t, "rea@example.com", "/auth/customer/emailpass/reset-password", "identifier"),
		"reset, older":            s.resetToken(t, "rob@example.com", "/store/customers/password-token", "email"),
		"session, customer":       value(s.people["ada"].cookie),
		"session, user":           value(s.people["eve"].cookie),
		"session id":              s.names["ada sid"],
		"browser":                 value(b.cookie),
		"device":                  value(device),
		"public id of a session":  listed[0].ID,
		"state":                   b.state,
		"code":                    s.begin(t).code, // whoever presents it uses it up
		"API key":                 "sk_0123456789abcdef0123456789abcdef",
		"identity id":             s.people["ada"].identityID,
		"actor id":                s.people["ada"].actorID,
		"nothing":                 "",
	}
}

// resetToken asks for a reset and returns the token that the person gets by mail.
func (s *shop) resetToken(t testing.TB, email, route, member string) (token string) {
	t.Helper()
	if a := s.call(t, "both.test", "POST", route, fmt.Sprintf(`{%q:%q}`, member, email)); a.status/100 != 2 {
		t.Fatalf("asking for a reset: %d %s", a.status, a.body)
	}
	client := redis.NewClient(&redis.Options{Addr: s.redis.Addr()})
	defer client.Close()
	eventually(t, "the reset is delivered", func() bool {
		entries, err := client.XRange(context.Background(), "auth:events", "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			var data struct {
				EntityID string `json:"entity_id"`
				Token    string `json:"token"`
			}
			if json.Unmarshal([]byte(entry.Values["data"].(string)), &data) == nil && data.EntityID == email {
				token = data.Token
			}
		}
		return token != ""
	})
	return token
}

// attempt is a log-in at the third party whose browser is on its way back.
type attempt struct{ state, code, cookie string }

// begin goes to the third party and logs in there.
func (s *shop) begin(t testing.TB) attempt {
	t.Helper()
	a := s.call(t, "behind:shop.test", "POST", "/auth/customer/people", "", s.stranger()...)
	location, err := url.Parse(a.member(t, "location"))
	if err != nil {
		t.Fatal(err)
	}
	query := location.Query()
	query.Set("login_hint", "tom@example.com")
	location.RawQuery = query.Encode()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(location.String())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil {
		t.Fatal(err)
	}
	return attempt{back.Query().Get("state"), back.Query().Get("code"), a.setCookie()}
}

// stranger is the field of a client whom nobody has seen before: each may begin
// some log-ins at once.
func (s *shop) stranger() []string {
	s.number++
	return []string{"X-Forwarded-For", fmt.Sprintf("10.9.%d.%d", s.number/250, s.number%250+1)}
}

// comeBack ends a log-in at a third party.
func (s *shop) comeBack(t testing.TB, b attempt) *answer {
	t.Helper()
	fields := s.stranger()
	if b.cookie != "" {
		fields = append(fields, "Cookie", b.cookie)
	}
	return s.call(t, "behind:shop.test", "GET", "/auth/customer/people/callback?state="+url.QueryEscape(b.state)+"&code="+url.QueryEscape(b.code), "", fields...)
}

func (s *shop) places(t testing.TB, b attempt) []place {
	t.Helper()
	const next = "another horse battery staple"
	bearer := func(host, method, target, body string) func(testing.TB, string) *answer {
		return func(t testing.TB, secret string) *answer {
			return s.call(t, host, method, target, body, "Authorization", "Bearer "+secret)
		}
	}
	cookie := func(host, method, target string) func(testing.TB, string) *answer {
		return func(t testing.TB, secret string) *answer {
			return s.call(t, host, method, target, "", "Cookie", "connect.sid="+secret)
		}
	}
	olderReset := func(route, email string) func(testing.TB, string) *answer {
		return func(t testing.TB, secret string) *answer {
			return s.call(t, "both.test", "POST", route, fmt.Sprintf(`{"email":%q,"token":%q,"password":%q}`, email, secret, next))
		}
	}
	customers := []purpose{"access, customer", "older access, customer", "access for the backend"}
	users := []purpose{"access, user", "older access, user"}
	anybody := slices.Concat(customers, users)
	own := []purpose{"access, customer", "access, user", "access for the backend", "registration"}
	return []place{
		{"bearer of a customer", customers, nil, bearer("shop.test", "GET", "/mine", "")},
		{"bearer of a user", users, nil, bearer("shop.test", "GET", "/admin/x", "")},
		{"bearer of anybody", anybody, nil, bearer("both.test", "GET", "/any", "")},
		{"bearer in the older dialect", customers, nil, bearer("both.test", "GET", "/store/auth", "")},
		{"bearer of a user in the older dialect", users, nil, bearer("both.test", "GET", "/admin/auth", "")},
		{"session of a customer", []purpose{"session, customer"}, nil, cookie("shop.test", "GET", "/mine")},
		{"session of a user", []purpose{"session, user"}, nil, cookie("shop.test", "GET", "/admin/x")},
		{"session in the older dialect", []purpose{"session, customer"}, nil, cookie("both.test", "GET", "/store/auth")},
		{"session of a user in the older dialect", []purpose{"session, user"}, nil, cookie("both.test", "GET", "/admin/auth")},
		{"refresh of a bearer", own, nil, bearer("shop.test", "POST", "/auth/token/refresh", "")},
		{"refresh of a session", []purpose{"session, customer", "session, user"}, nil, cookie("shop.test", "POST", "/auth/token/refresh")},
		{"session by a bearer", append(own, "older access, customer", "older access, user"), nil, bearer("shop.test", "POST", "/auth/session", "")},
		{"log-out by a bearer", nil, nil, bearer("shop.test", "DELETE", "/auth/session", "")},
		{"Basic", nil, nil, func(t testing.TB, secret string) *answer {
			return s.call(t, "shop.test", "GET", "/any", "", "Authorization", "Basic "+secret)
		}},
		{"the bare field", nil, nil, func(t testing.TB, secret string) *answer {
			return s.call(t, "shop.test", "GET", "/any", "", "Authorization", secret)
		}},
		{"query of a request", nil, nil, func(t testing.TB, secret string) *answer {
			return s.call(t, "shop.test", "GET", "/any?token="+url.QueryEscape(secret), "")
		}},
		{"query of a reset", nil, nil, func(t testing.TB, secret string) *answer {
			return s.call(t, "shop.test", "POST", "/auth/customer/emailpass/update?token="+url.QueryEscape(secret), fmt.Sprintf(`{"password":%q}`, next))
		}},
		{"cookie of a reset", nil, nil, cookie("shop.test", "POST", "/auth/customer/emailpass/update")},
		{"browser's cookie as session", nil, nil, func(t testing.TB, secret string) *answer {
			return s.call(t, "shop.test", "GET", "/any", "", "Cookie", "connect.sid.browser="+secret)
		}},
		{"device's cookie as session", nil, nil, func(t testing.TB, secret string) *answer {
			return s.call(t, "shop.test", "GET", "/any", "", "Cookie", "connect.sid.device="+secret)
		}},
		{"list of sessions by a bearer", append(own, "older access, customer", "older access, user"), nil, bearer("shop.test", "GET", "/auth/sessions", "")},
		{"list of sessions by a session", []purpose{"session, customer", "session, user"}, nil, cookie("shop.test", "GET", "/auth/sessions")},
		{"id of somebody else's session", nil, nil, func(t testing.TB, secret string) *answer {
			return s.call(t, "shop.test", "DELETE", "/auth/sessions/"+url.PathEscape(secret), "", "Authorization", "Bearer "+s.people["eve"].token)
		}},
		{"linking", []purpose{"access, customer", "registration"}, nil, func(t testing.TB, secret string) *answer {
			return s.call(t, "behind:shop.test", "POST", "/auth/customer/people", `{"link":true}`, append(s.stranger(), "Authorization", "Bearer "+secret)...)
		}},
		{"browser of a callback", nil, nil, func(t testing.TB, secret string) *answer {
			again := s.begin(t)
			return s.comeBack(t, attempt{again.state, again.code, "connect.sid.browser=" + secret})
		}},
		{"code of a callback", nil, nil, func(t testing.TB, secret string) *answer {
			again := s.begin(t)
			return s.comeBack(t, attempt{again.state, secret, again.cookie})
		}},
		{"state of a callback", []purpose{"state"}, nil, func(t testing.TB, secret string) *answer {
			return s.comeBack(t, attempt{secret, b.code, b.cookie})
		}},
		{"reset", []purpose{"reset"}, []purpose{"reset, older"}, bearer("shop.test", "POST", "/auth/customer/emailpass/update", fmt.Sprintf(`{"password":%q}`, next))},
		{"reset of a user", nil, nil, bearer("shop.test", "POST", "/auth/user/emailpass/update", fmt.Sprintf(`{"password":%q}`, next))},
		{"older reset", []purpose{"reset, older"}, []purpose{"reset"}, olderReset("/store/customers/password-reset", "rob@example.com")},
		{"older reset of a user", nil, nil, olderReset("/admin/users/reset-password", "eve@example.com")},
	}
}
