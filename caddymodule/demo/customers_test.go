package demo_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

func TestCustomerRoutesAreForCustomers(t *testing.T) {
	t.Parallel()
	routes := map[string]string{
		"/store/customers/me":        http.MethodGet,
		"/STORE/Customers/Me/":       http.MethodPost,
		"/store/customers/me/orders": http.MethodGet,
	}
	callers := map[string]struct {
		as     demo.Caller
		status int
		want   string
	}{
		"anonymous": {nobody, 401, unauthorized},
		"actorless": {newcomer, 401, unauthorized},
		"user":      {admin, 401, unauthorized},
		"deleted": {
			demo.Caller{ActorType: "customer", ActorID: "cus_missing"},
			404, `{"type":"not_found","message":"Customer with id: cus_missing was not found"}`,
		},
	}
	forEachBackend(t, func(t *testing.T, b backend) {
		for target, method := range routes {
			for name, tc := range callers {
				if w := b.do(t, tc.as, method, target, ""); w.Code != tc.status || w.Body.String() != tc.want {
					t.Errorf("%s %s, %s: got %d %s\nwant %d %s", method, target, name, w.Code, w.Body, tc.status, tc.want)
				}
			}
		}
	})
}

func TestUpdateCustomer(t *testing.T) {
	t.Parallel()
	steps := []struct {
		body   string
		status int
		want   string // part of the answer
	}{
		{`{"first_name":"Ada","phone":"1","metadata":{"a":1}}`, 200, `"first_name":"Ada","last_name":null,"phone":"1","metadata":{"a":1}`},
		{`{"last_name":"L","phone":null}`, 200, `"first_name":"Ada","last_name":"L","phone":null,"metadata":{"a":1}`},
		{`{"metadata":null,"company_name":"ACME"}`, 200, `"company_name":"ACME","first_name":"Ada","last_name":"L","phone":null,"metadata":null`},
		{`{"email":"other@example.com"}`, 400, `Unrecognized fields: 'email'`},
	}
	forEachBackend(t, func(t *testing.T, b backend) {
		ada := b.register(t, "ada@example.com", "authid_ada")
		for _, step := range steps {
			w := b.do(t, ada, http.MethodPost, "/store/customers/me", step.body)
			if w.Code != step.status || !strings.Contains(w.Body.String(), step.want) {
				t.Errorf("%s: got %d %s\nwant %d with %s", step.body, w.Code, w.Body, step.status, step.want)
			}
		}
		w := b.do(t, ada, http.MethodGet, "/store/customers/me", "")
		if want := `"email":"ada@example.com","company_name":"ACME"`; !strings.Contains(w.Body.String(), want) {
			t.Errorf("got %s, want %s", w.Body, want)
		}
	})
}

func TestOrdersAreOnesOwn(t *testing.T) {
	t.Parallel()
	forEachBackend(t, func(t *testing.T, b backend) {
		for _, name := range []string{"ada", "bob"} {
			c := b.register(t, name+"@example.com", "authid_"+name)
			w := b.do(t, c, http.MethodGet, "/store/customers/me/orders", "")
			number := map[string]string{"ada": "1", "bob": "2"}[name]
			want := `{"orders":[{"id":"order_ID","display_id":` + number + `,"status":"pending","email":"` + name + `@example.com",` +
				`"currency_code":"eur","total":0,"items":[{"id":"ordli_ID","product_id":"prod_01HZDEMO0000000000000TEA01",` +
				`"title":"Harbour Tea, welcome sample","quantity":1,"unit_price":0}],"created_at":"TIME"}],"count":1,"offset":0,"limit":50}`
			if got := normal(w.Body.String()); w.Code != 200 || got != want {
				t.Errorf("%s: got %d %s\nwant %s", name, w.Code, got, want)
			}
		}
	})
}

func TestDeletedCustomerMayComeAgain(t *testing.T) {
	t.Parallel()
	forEachBackend(t, func(t *testing.T, b backend) {
		before := b.register(t, "ada@example.com", "authid_ada")
		b.deleteCustomer(t, before.ActorID)
		if w := b.do(t, before, http.MethodGet, "/store/customers/me", ""); w.Code != 404 {
			t.Errorf("deleted: got %d %s, want 404", w.Code, w.Body)
		}
		if after := b.register(t, "ada@example.com", "authid_ada"); after == before {
			t.Errorf("got the same customer %v again", after)
		}
	})
}
