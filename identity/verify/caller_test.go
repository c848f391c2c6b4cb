package verify_test

import (
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

func TestResultFirst(t *testing.T) {
	t.Parallel()
	w := newPerson()
	w.login("b", "authid_2", "user", "user_1")
	result, err := w.newVerifier(t, maxAge).Request(request(t, "s", "b"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		match func(*verify.Caller) bool
		want  string // "": nobody
	}{
		{func(*verify.Caller) bool { return true }, "cus_1"},
		{func(c *verify.Caller) bool { return c.Method == verify.Bearer }, "user_1"},
		{func(c *verify.Caller) bool { return c.Claims.ActorType == "user" }, "user_1"},
		{func(*verify.Caller) bool { return false }, ""},
	} {
		c := result.First(test.match)
		if got := c != nil; got != (test.want != "") {
			t.Errorf("caller %v, want %q", c, test.want)
		} else if got && c.Claims.ActorID != test.want {
			t.Errorf("caller %q, want %q", c.Claims.ActorID, test.want)
		}
	}
}

func TestResultReplaced(t *testing.T) {
	t.Parallel()
	result, err := newPerson().newVerifier(t, maxAge).Request(request(t, "s", "b"))
	if err != nil {
		t.Fatal(err)
	}
	session, bearer := result.Callers[0], result.Callers[1]
	known := session.In("authid_at_the_backend")
	changed := result.Replaced(session, known)
	if changed.Callers[0] != known || changed.Callers[1] != bearer || changed.SID != "s" {
		t.Errorf("changed to %v", changed)
	}
	if result.Callers[0] != session {
		t.Error("the result changed")
	}
	if same := result.Replaced(known, session); same.Callers[0] != session || same.Callers[1] != bearer {
		t.Errorf("a stranger replaced somebody: %v", same)
	}
}

func TestResultWithout(t *testing.T) {
	t.Parallel()
	w := newPerson()
	v := w.newVerifier(t, maxAge)
	result, err := v.Request(request(t, "s", "b"))
	if err != nil {
		t.Fatal(err)
	}
	for method, left := range map[verify.Method]verify.Method{verify.Session: verify.Bearer, verify.Bearer: verify.Session} {
		rest := result.Without(method)
		if len(rest.Callers) != 1 || rest.Callers[0].Method != left || rest.Anonymous() {
			t.Errorf("without %s: %v", method, rest.Callers)
		}
		if none := rest.Without(left); !none.Anonymous() {
			t.Errorf("without both: %v", none.Callers)
		}
		if rest.SID != "s" || rest.Session == nil {
			t.Errorf("without %s the session is %q", method, rest.SID)
		}
	}
	if len(result.Callers) != 2 || result.Callers[0].Method != verify.Session || result.Callers[1].Method != verify.Bearer {
		t.Errorf("the result changed: %v", result.Callers)
	}
	if !new(verify.Result).Anonymous() {
		t.Error("an empty result proves somebody")
	}
}

func TestRegistered(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.session("s", w.claims("authid_1", "customer", ""))
	w.login("b", "authid_1", "customer", "cus_1")
	result, err := w.newVerifier(t, maxAge).Request(request(t, "s", "b"))
	if err != nil || len(result.Callers) != 2 {
		t.Fatal(result, err)
	}
	if result.Callers[0].Registered() || !result.Callers[1].Registered() {
		t.Errorf("registered: %v, %v", result.Callers[0].Registered(), result.Callers[1].Registered())
	}
}
