package caddymodule

import "testing"

func TestMatchRoute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, path, star string
		ok                  bool
	}{
		{"/store/customers", "/store/customers", "", true},
		{"/store/customers", "/Store/Customers/", "", true},
		{"/store/customers", "/store/customers/me", "", false},
		{"/store/customers", "/store", "", false},
		{"/admin/customers/*", "/admin/customers/cus_1", "cus_1", true},
		{"/admin/customers/*", "/ADMIN/customers/Cus_1/", "Cus_1", true},
		{"/admin/customers/*", "/admin/customers/", "", false},
		{"/admin/customers/*", "/admin/customers", "", false},
		{"/admin/customers/*", "/admin/customers/a/b", "", false},
		{"/shops/*/signup", "/shops/7/signup", "7", true},
	} {
		star, ok := matchRoute(c.pattern, c.path)
		if star != c.star || ok != c.ok {
			t.Errorf("matchRoute(%s, %s) = %q, %t", c.pattern, c.path, star, ok)
		}
	}
}

func TestActorIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, path, want string }{
		{`{"customer":{"id":"cus_1"}}`, "customer.id", "cus_1"},
		{`{"id":"x"}`, "id", "x"},
		{`{"customer":{"id":5}}`, "customer.id", ""},
		{`{"customer":null}`, "customer.id", ""},
		{`[]`, "customer.id", ""},
		{`{"customer":{"id":"cus_1"}`, "customer.id", ""},
		{``, "customer.id", ""},
	} {
		if got := actorIn([]byte(c.body), c.path); got != c.want {
			t.Errorf("actorIn(%s, %s) = %q, want %q", c.body, c.path, got, c.want)
		}
	}
}

// FuzzActorIn: the backend's answer is not the client's, but it may echo it.
func FuzzActorIn(f *testing.F) {
	f.Add([]byte(`{"customer":{"id":"cus_1"}}`))
	f.Fuzz(func(_ *testing.T, body []byte) { actorIn(body, "customer.id") })
}

func TestActorInHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []string
		want   string
	}{
		{[]string{"customer=cus_1"}, "cus_1"},
		{[]string{"user=u1, customer=cus_1"}, "cus_1"},
		{[]string{"user=u1", "customer=cus_1"}, "cus_1"},
		{[]string{"user=u1"}, ""},
		{[]string{"customer"}, ""},
		{nil, ""},
	} {
		if got := actorInHeader(c.values, "customer"); got != c.want {
			t.Errorf("actorInHeader(%v) = %q, want %q", c.values, got, c.want)
		}
	}
}

func TestCompileLinks(t *testing.T) {
	t.Parallel()
	for _, bad := range []Link{
		{ActorType: "", Method: "POST", Path: "/x"},
		{ActorType: "customer", Method: "post", Path: "/x"},
		{ActorType: "customer", Method: "POST", Path: "x"},
		{ActorType: "customer", Method: "POST", Path: "/x/../y"},
		{ActorType: "customer", Method: "POST", Path: "/x/a*"},
	} {
		if _, _, err := compileLinks([]Link{bad}, nil); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	for _, bad := range []string{"/x", "/x/*/*"} {
		if _, _, err := compileLinks(nil, []Unlink{{ActorType: "user", Method: "DELETE", Path: bad}}); err == nil {
			t.Errorf("unlink %s is accepted", bad)
		}
	}
}
