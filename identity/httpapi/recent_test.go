package httpapi_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// failing is a store of recent logins that can fail, before what it is asked or
// not at all.
type failing struct {
	mu       sync.Mutex
	at       map[string]time.Time
	mark     error
	recent   error
	lifetime time.Duration // of the last mark
}

func (f *failing) MarkRecent(_ context.Context, credential string, at time.Time, ttl time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mark != nil {
		return f.mark
	}
	f.at[credential], f.lifetime = at, ttl
	return nil
}

func (f *failing) Recent(_ context.Context, credential string) (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.at[credential]
	if !ok && f.recent == nil {
		return at, identity.ErrNotFound
	}
	return at, f.recent
}

func (f *failing) fails(mark, recent error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mark, f.recent = mark, recent
}

// Linking takes a login that is younger than ten minutes, whatever was made of
// its token since then.
func TestLoginTooOld(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	s.linked("ann", "Authorization", bearer(raw))
	try := func(name string, recent bool, header ...string) {
		t.Helper()
		res := s.do(post(googlePath, `{"link":true}`, header...))
		if recent && res.status != 200 || !recent && (res.status != 401 || res.body != tooOld) {
			t.Errorf("link, %s: got %d %s", name, res.status, res.body)
		}
		if recent {
			return
		}
		res = s.do(request{"DELETE", googlePath, "", headers(header...)})
		if res.status != 401 || res.body != tooOld {
			t.Errorf("remove, %s: got %d %s", name, res.status, res.body)
		}
	}
	raw = s.token(s.mustDo(200, post(loginPath, credentials("ann@example.com", "pass-1"))))
	s.clock.Forward(5 * time.Minute)
	refreshed := s.token(s.mustDo(200, request{"POST", refreshPath, "", headers("Authorization", bearer(raw))}))
	cookie := s.login(refreshed)
	s.clock.Forward(4*time.Minute + 59*time.Second)
	bySession := s.token(s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", cookie)}))
	try("login", true, "Authorization", bearer(raw))
	try("refreshed", true, "Authorization", bearer(refreshed))
	try("session", true, "Cookie", cookie)
	try("refreshed by session", true, "Authorization", bearer(bySession))
	s.clock.Forward(time.Second)
	late := s.token(s.mustDo(200, request{"POST", refreshPath, "", headers("Authorization", bearer(raw))}))
	lateCookie := s.login(raw)
	for name, header := range map[string][]string{
		"login": {"Authorization", bearer(raw)}, "refreshed": {"Authorization", bearer(refreshed)}, "session": {"Cookie", cookie},
		"refreshed by session": {"Authorization", bearer(bySession)}, "refreshed late": {"Authorization", bearer(late)}, "late session": {"Cookie", lateCookie},
		"never marked": {"Authorization", bearer(s.mint(*s.claims(raw)))},
	} {
		try(name, false, header...)
	}
	// Another login in the same browser, of another actor type, makes this one no
	// younger; one of this type does.
	s.mustDo(200, post("/auth/user/emailpass/register", credentials("staff@example.com", "pass-1")))
	staff := s.token(s.mustDo(200, post("/auth/user/emailpass", credentials("staff@example.com", "pass-1"))))
	res := s.mustDo(200, request{"POST", sessionPath, "", headers("Authorization", bearer(staff), "Cookie", lateCookie)})
	both, _, _ := strings.Cut(res.header.Get("Set-Cookie"), ";")
	try("with staff beside it", false, "Cookie", both)
	again := s.token(s.mustDo(200, post(loginPath, credentials("ann@example.com", "pass-1"))))
	try("again", true, "Authorization", bearer(again))
	// To register is to log in, and so is to come back from a third party.
	registered := s.register("new@example.com", "pass-1")
	try("registered", true, "Authorization", bearer(registered))
	try("registered, session", true, "Cookie", s.login(registered))
	try("registered again", true, "Authorization", bearer(s.register("new@example.com", "pass-1")))
	state, _ := s.begin(post(googlePath, `{}`))
	try("third party", true, "Authorization", bearer(s.token(s.mustDo(200, request{"GET", callbackPath + back(state, "ann"), "", nil}))))
	s.clock.Forward(10 * time.Minute)
	try("registered long ago", false, "Authorization", bearer(registered))
}

// What cannot be remembered prevents no login, and what cannot be known is
// neither yes nor no.
func TestRecentLoginsDown(t *testing.T) {
	t.Parallel()
	recent := &failing{at: map[string]time.Time{}}
	s := newShop(t, func(set *setup) { set.links, set.config.Recent = true, recent })
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	if recent.lifetime != 10*time.Minute {
		t.Errorf("kept for %s", recent.lifetime)
	}
	cookie := s.login(raw)
	down := identity.Unavailable("store_refused", errors.New("connection refused"))
	for name, err := range map[string]error{"down": down, "corrupt": errors.New("a time of 1000 digits")} {
		recent.fails(err, err)
		for _, header := range [][]string{{"Authorization", bearer(raw)}, {"Cookie", cookie}} {
			for _, q := range []request{post(googlePath, `{"link":true}`, header...), {"DELETE", googlePath, "", headers(header...)}} {
				if res := s.do(q); res.status != 503 || res.body != unavailable || res.header.Get("Set-Cookie") != "" {
					t.Errorf("%s: %s by %s: got %d %s", name, q.method, header[0], res.status, res.body)
				}
			}
		}
		before := strings.Count(s.log.String(), "time of a login was not kept")
		s.mustDo(200, post(loginPath, credentials("ann@example.com", "pass-1")))
		s.mustDo(200, request{"POST", refreshPath, "", headers("Authorization", bearer(raw))})
		s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", cookie)})
		s.login(raw)
		if n := strings.Count(s.log.String(), "time of a login was not kept") - before; n != 4 {
			t.Errorf("%s: %d warnings", name, n)
		}
		recent.fails(nil, nil)
		s.clock.Forward(time.Minute)
		raw = s.token(s.mustDo(200, post(loginPath, credentials("ann@example.com", "pass-1"))))
		cookie = s.login(raw)
	}
	// A store that forgets too late prolongs nothing.
	s.clock.Forward(10 * time.Minute)
	if res := s.do(post(googlePath, `{"link":true}`, "Authorization", bearer(raw))); res.status != 401 || res.body != tooOld {
		t.Errorf("got %d %s", res.status, res.body)
	}
}
