package verify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// outcome is what one credential comes to by itself.
type outcome struct {
	prepare func(w *world) (credential string)
	caller  string
	refused string
	unknown bool
}

var sessionOutcomes = map[string]outcome{
	"none": {prepare: func(*world) string { return "" }},
	"good": {caller: "session cus_s", prepare: func(w *world) string {
		w.session("s", w.claims("authid_s", "customer", "cus_s"))
		return "s"
	}},
	"without actor": {caller: "session ", prepare: func(w *world) string {
		w.session("s", w.claims("authid_s", "customer", ""))
		return "s"
	}},
	"forged":  {refused: "session_cookie_invalid", prepare: func(*world) string { return "forged" }},
	"unknown": {refused: "session_unknown", prepare: func(*world) string { return "s" }},
	"revoked": {refused: "revoked", prepare: func(w *world) string {
		w.session("s", w.claims("authid_s", "customer", "cus_s"))
		w.valid["authid_s"] = start.Add(time.Second).Truncate(time.Second)
		return "s"
	}},
	"of an identity that is gone": {refused: "identity_gone", prepare: func(w *world) string {
		w.session("s", w.claims("authid_s", "customer", "cus_s"))
		delete(w.valid, "authid_s")
		return "s"
	}},
	"session store down": {unknown: true, prepare: func(w *world) string {
		w.failures["load s"] = errDown
		return "s"
	}},
	"identity store down": {unknown: true, prepare: func(w *world) string {
		w.session("s", w.claims("authid_s", "customer", "cus_s"))
		w.failures["state authid_s"] = errDown
		return "s"
	}},
}

var bearerOutcomes = map[string]outcome{
	"none": {prepare: func(*world) string { return "" }},
	"good": {caller: "bearer user_b", prepare: func(w *world) string {
		w.login("b", "authid_b", "user", "user_b")
		return "b"
	}},
	"malformed": {refused: "authorization_malformed", prepare: func(*world) string { return " " }},
	"forged":    {refused: "token_signature", prepare: func(*world) string { return "b" }},
	"expired": {refused: "token_expired", prepare: func(w *world) string {
		w.login("b", "authid_b", "user", "user_b")
		c := w.tokens["b"]
		c.ExpiresAt = start.Unix()
		w.tokens["b"] = c
		return "b"
	}},
	"revoked": {refused: "revoked", prepare: func(w *world) string {
		w.login("b", "authid_b", "user", "user_b")
		w.valid["authid_b"] = start.Add(time.Second).Truncate(time.Second)
		return "b"
	}},
	"of an identity that is gone": {refused: "identity_gone", prepare: func(w *world) string {
		w.login("b", "authid_b", "user", "user_b")
		delete(w.valid, "authid_b")
		return "b"
	}},
	"without identity": {refused: "identity_gone", prepare: func(w *world) string {
		w.tokens["b"] = w.claims("", "user", "user_b")
		return "b"
	}},
	"identity store down": {unknown: true, prepare: func(w *world) string {
		w.login("b", "authid_b", "user", "user_b")
		w.failures["state authid_b"] = errDown
		return "b"
	}},
}

// Every session with every bearer, at once cached and asked every time: the
// session comes first, one bad credential takes nothing from a good one, and
// what cannot be known is never a no. (attacks.md E7, K1; design.md section 4)
func TestRequest(t *testing.T) {
	t.Parallel()
	for sessionName, s := range sessionOutcomes {
		for bearerName, b := range bearerOutcomes {
			for _, maxAge := range []time.Duration{0, 5 * time.Second} {
				t.Run("session "+sessionName+", bearer "+bearerName+", "+maxAge.String(), func(t *testing.T) {
					t.Parallel()
					w := newWorld()
					r := request(t, s.prepare(w), b.prepare(w))
					v := w.newVerifier(t, maxAge)
					want := combine(s, b)
					for range 2 {
						wantVerdict(t, v, r, want)
					}
				})
			}
		}
	}
}

func combine(s, b outcome) string {
	if s.unknown || b.unknown {
		return "unknown"
	}
	var words []string
	for _, o := range []outcome{s, b} {
		if o.caller != "" {
			words = append(words, o.caller)
		}
	}
	if len(words) == 0 {
		words = append(words, "nobody")
	}
	if b.refused != "" {
		words = append(words, b.refused)
	} else if s.refused != "" {
		words = append(words, s.refused)
	}
	return strings.Join(words, ", ")
}

// A request without credentials costs no question, a forged one none of the store.
func TestRequestAsksForNothingInVain(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := w.newVerifier(t, time.Second)
	for _, r := range [][2]string{{"", ""}, {"forged", "garbage"}} {
		if _, err := v.Request(request(t, r[0], r[1])); err != nil {
			t.Fatal(err)
		}
	}
	for question := range w.asked {
		if question != "parse garbage" {
			t.Errorf("asked: %s", question)
		}
	}
}

// What is not ours to judge is no credential.
func TestRequestWithoutCredential(t *testing.T) {
	t.Parallel()
	v := newWorld().newVerifier(t, 0)
	r := request(t, "", "")
	r.Header.Set("Authorization", "Basic c2tfMTIzOg==")
	r.Header.Set("Cookie", "a=1")
	wantVerdict(t, v, r, "nobody")
}

// A session that holds is named, with its record, and no other.
func TestResultSession(t *testing.T) {
	t.Parallel()
	for name, s := range sessionOutcomes {
		w := newWorld()
		result, err := w.newVerifier(t, 0).Request(request(t, s.prepare(w), ""))
		if s.unknown {
			if err == nil || result != nil {
				t.Errorf("%s: result %v, error %v", name, result, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		holds := s.caller != ""
		if (result.SID == "s") != holds || (result.SID == "") == holds || (result.Session != nil) != holds {
			t.Errorf("%s: sid %q, record %v", name, result.SID, result.Session)
		}
		if holds && result.Session != w.sessions["s"] {
			t.Errorf("%s: another record", name)
		}
	}
}

// A token or session is good from ValidFrom on: that very second too, whatever
// the clock says. (design.md section 5; attacks.md F2)
func TestIssuedAt(t *testing.T) {
	t.Parallel()
	now := start.Unix()
	for _, test := range []struct {
		name                string
		issuedAt, validFrom int64 // 0: none
		good                bool
	}{
		{"nothing was ever revoked", now, 0, true},
		{"no iat, nothing revoked", 0, 0, true},
		{"no iat, revoked once", 0, now - 1000, false},
		{"the second before", now - 1, now, false},
		{"the same second", now, now, true},
		{"the second after", now + 1, now, true},
		{"revoked in this second", now, now + 1, false},
		{"logged in after that in this second", now + 1, now + 1, true},
	} {
		w := newWorld()
		c := w.claims("authid_1", "customer", "cus_1")
		c.IssuedAt = test.issuedAt
		w.session("s", c)
		w.tokens["b"] = c
		if test.validFrom != 0 {
			w.valid["authid_1"] = time.Unix(test.validFrom, 0)
		}
		v := w.newVerifier(t, time.Second)
		want := [2]string{"nobody, revoked", "nobody, revoked"}
		if test.good {
			want = [2]string{"session cus_1", "bearer cus_1"}
		}
		for n, r := range [][2]string{{"s", ""}, {"", "b"}} {
			if got := verdict(t, v, request(t, r[0], r[1])); got != want[n] {
				t.Errorf("%s: %q, want %q", test.name, got, want[n])
			}
		}
	}
}

func TestVerifyBearer(t *testing.T) {
	t.Parallel()
	for name, b := range bearerOutcomes {
		w := newWorld()
		raw := b.prepare(w)
		v := w.newVerifier(t, time.Second)
		for range 2 {
			c, err := v.VerifyBearer(t.Context(), raw)
			switch {
			case b.caller != "":
				if err != nil || c.ActorID != "user_b" {
					t.Errorf("%s: claims %v, error %v", name, c, err)
				}
			case b.unknown:
				if identity.CodeOf(err) != identity.CodeUnavailable || !errors.Is(err, errDown) {
					t.Errorf("%s: error %v", name, err)
				}
			case c != nil || identity.CodeOf(err) != identity.CodeUnauthorized:
				t.Errorf("%s: claims %v, error %v", name, c, err)
			}
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	w := newWorld()
	whole := verify.Config{Tokens: w, Identities: w, Sessions: w}
	for name, change := range map[string]func(*verify.Config){
		"tokens":     func(c *verify.Config) { c.Tokens = nil },
		"identities": func(c *verify.Config) { c.Identities = nil },
		"sessions":   func(c *verify.Config) { c.Sessions = nil },
		"age":        func(c *verify.Config) { c.MaxAge = -1 },
		"entries":    func(c *verify.Config) { c.Entries = -1 },
	} {
		c := whole
		change(&c)
		if v, err := verify.New(c); err == nil || v != nil {
			t.Errorf("%s: verifier %v, error %v", name, v, err)
		}
	}
	v, err := verify.New(whole)
	if err != nil {
		t.Fatal(err)
	}
	if v.Entries != 16384 || time.Since(v.Clock()).Abs() > time.Hour {
		t.Errorf("defaults: %d entries, clock at %s", v.Entries, v.Clock())
	}
}
