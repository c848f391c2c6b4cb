package caddymodule_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// setCookie returns the one cookie that an answer sets, or nil. Whoever logs in gets
// another one, by which their browser is known.
func (r response) setCookie(t testing.TB) *http.Cookie {
	t.Helper()
	cookies := slices.DeleteFunc(r.Cookies(), func(c *http.Cookie) bool {
		return strings.HasSuffix(c.Name, ".device") && r.Header["Set-Cookie"][0] != c.Raw
	})
	if len(cookies) > 1 {
		t.Fatalf("got the cookies %v", r.Header["Set-Cookie"])
	}
	if len(cookies) == 0 {
		return nil
	}
	return cookies[0]
}

// The cookie's attributes say what is true of the connection, whatever a client
// says of it; its deletion has the same ones (attacks C3, C4, I3).
func TestCookieAttributes(t *testing.T) {
	const trusted = "servers {\ntrusted_proxies static 127.0.0.1\n}"
	for name, c := range map[string]struct {
		config config
		header []string
		secure bool
		lax    bool
		none   bool // no cookie at all
	}{
		"http":                               {},
		"http, says https":                   {header: []string{"X-Forwarded-Proto", "https"}},
		"http, says https otherwise":         {header: []string{"Forwarded", "proto=https", "X-Forwarded-Ssl", "on", "X-Url-Scheme", "https"}},
		"https":                              {config: config{TLS: true}, secure: true, lax: true},
		"https, says http":                   {config: config{TLS: true}, header: []string{"X-Forwarded-Proto", "http"}, secure: true, lax: true},
		"https, says nonsense":               {config: config{TLS: true}, header: []string{"X-Forwarded-Proto", "javascript"}, secure: true, lax: true},
		"trusted proxy by http":              {config: config{Global: trusted}, header: []string{"X-Forwarded-Proto", "http"}},
		"trusted proxy by https":             {config: config{Global: trusted}, header: []string{"X-Forwarded-Proto", "https"}, secure: true, lax: true},
		"trusted proxy, browser by https":    {config: config{Global: trusted}, header: []string{"X-Forwarded-Proto", "HTTPS, http"}, secure: true, lax: true},
		"trusted proxy, browser by http":     {config: config{Global: trusted}, header: []string{"X-Forwarded-Proto", "http, https"}},
		"trusted proxy that says nothing":    {config: config{Global: trusted}},
		"always secure, by http":             {config: config{Session: "secure always"}, none: true},
		"always secure, by http, says https": {config: config{Session: "secure always"}, header: []string{"X-Forwarded-Proto", "https"}, none: true},
		"always secure, by https":            {config: config{TLS: true, Session: "secure always"}, secure: true, lax: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, c.config)
			ada := s.register(t, "customer", "ada@example.com")
			r := s.send(t, "POST", "/auth/session", "", slices.Concat(bearer(ada), c.header)...)
			cookie := r.setCookie(t)
			if c.none {
				if cookie != nil || r.StatusCode != http.StatusOK {
					t.Errorf("got %d, %v", r.StatusCode, r.Header)
				}
				return
			}
			check := func(cookie *http.Cookie) {
				t.Helper()
				lax := cookie != nil && cookie.SameSite == http.SameSiteLaxMode
				if cookie == nil || cookie.Name != "connect.sid" || cookie.Path != "/" || !cookie.HttpOnly || cookie.Domain != "" || cookie.Secure != c.secure || lax != c.lax {
					t.Errorf("got %v", cookie)
				}
			}
			check(cookie)
			if cookie == nil {
				return
			}
			wantIdentity(t, s.send(t, "GET", "/", "", "Cookie", cookie.Name+"="+cookie.Value).seen(t), ada.identity())
			gone := s.send(t, "DELETE", "/auth/session", "", "Cookie", cookie.Name+"="+cookie.Value).setCookie(t)
			if gone == nil || gone.Name != cookie.Name || gone.Path != "/" || !gone.Expires.Before(time.Now()) || gone.Value != "" {
				t.Errorf("the deletion is %v", gone)
			}
		})
	}
}

// A session that rolls gets a later end by being used, and a bearer request never
// touches it.
func TestRollingSession(t *testing.T) {
	s := open(t, config{Session: "rolling\nttl 10s", Site: "auth_sidecar\nauth_require /mine customer\n" + mayJoin + "reverse_proxy {backend}"})
	ada := s.join(t, "customer", "ada@example.com")
	first := s.send(t, "POST", "/auth/session", "", bearer(ada)...).setCookie(t)
	current := session(person{cookie: first.Name + "=" + first.Value})
	var next *http.Cookie
	eventually(t, "the session is prolonged", func() bool { // a tenth of its life must have passed
		r := s.send(t, "GET", "/mine", "", current...)
		wantIdentity(t, r.seen(t), ada.identity())
		next = r.setCookie(t)
		return next != nil
	})
	if next.Value != first.Value || !next.Expires.After(first.Expires) || !next.HttpOnly || next.Path != "/" {
		t.Errorf("%v became %v", first, next)
	}
	// The next time is a tenth of its life later again.
	if again := s.send(t, "GET", "/mine", "", current...).setCookie(t); again != nil && again.Expires.Sub(next.Expires) < time.Second {
		t.Errorf("%v became %v at once", next, again)
	}
	for name, header := range map[string][]string{"bearer": bearer(ada), "nobody": nil, "no session": {"Cookie", "connect.sid=x"}} {
		if cookie := s.send(t, "GET", "/store/x", "", header...).setCookie(t); cookie != nil {
			t.Errorf("%s: got %v", name, cookie)
		}
	}
	s.mustLoad(config{})
	if cookie := s.send(t, "GET", "/store/x", "", session(ada)...).setCookie(t); cookie != nil {
		t.Errorf("a session that does not roll got %v", cookie)
	}
}

// A log-out beside requests that prolong the session is final.
func TestLogoutBesideRollingRequests(t *testing.T) {
	redis := identitytest.StartRedis(t)
	s := open(t, config{Redis: redis.URL(), Session: "rolling\nttl 1s", Site: "auth_sidecar\nauth_require /mine customer\n" + mayJoin + "reverse_proxy {backend}"})
	ada := s.join(t, "customer", "ada@example.com")
	for range 4 {
		cookie := session(person{cookie: s.logIn(t, ada, "")})
		stop, prolonged := make(chan struct{}), make(chan struct{}, 1000)
		var busy sync.WaitGroup
		for range 4 {
			busy.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if r := s.send(t, "GET", "/mine", "", cookie...); r.Header["Set-Cookie"] != nil {
						select {
						case prolonged <- struct{}{}:
						default:
						}
					}
				}
			})
		}
		<-prolonged
		if r := s.send(t, "DELETE", "/auth/session", "", cookie...); r.StatusCode != http.StatusOK {
			t.Errorf("log-out: %d %s", r.StatusCode, r.body)
		}
		for range 20 {
			r := s.send(t, "GET", "/mine", "", cookie...)
			r.want(t, http.StatusUnauthorized, unauthorized)
			if r.Header["Set-Cookie"] != nil {
				t.Errorf("a dead session got %v", r.Header["Set-Cookie"])
			}
		}
		close(stop)
		busy.Wait()
		s.send(t, "GET", "/mine", "", cookie...).want(t, http.StatusUnauthorized, unauthorized)
	}
}

// What was issued before a log-out of the account, a new password or a deletion
// is refused at once on the node that did it (attack F2).
func TestRevokedCredentials(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar\nauth_require /mine * {\nallow_unregistered\n}\nreverse_proxy {backend}"})
	ada := s.join(t, "customer", "ada@example.com")
	eve := s.join(t, "user", "eve@example.com")
	for _, credential := range [][]string{bearer(ada), session(ada)} {
		wantIdentity(t, s.send(t, "GET", "/mine", "", credential...).seen(t), ada.identity()) // and now it is in every cache
	}
	target := "/admin/customers/" + ada.actorID
	s.on(target, deleted)
	s.send(t, "DELETE", target, "", bearer(eve)...)
	for _, credential := range [][]string{bearer(ada), session(ada), {"Authorization", ada.bearer, "Cookie", ada.cookie}} {
		s.send(t, "GET", "/mine", "", credential...).want(t, http.StatusUnauthorized, unauthorized)
	}
	if r := s.send(t, "POST", "/auth/token/refresh", "", bearer(ada)...); r.StatusCode == http.StatusOK || strings.Contains(r.body, "token") {
		t.Errorf("refresh: %d %s", r.StatusCode, r.body)
	}
	if r := s.send(t, "POST", "/auth/session", "", bearer(ada)...); r.StatusCode == http.StatusOK || r.Header["Set-Cookie"] != nil {
		t.Errorf("log-in: %d %s", r.StatusCode, r.body)
	}
}
