package demo_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

const secret = "a-secret-that-only-the-tests-know-of"

// backend is a shop with one way of knowing its callers, and how a request says
// who sends it there.
type backend struct {
	records *demo.Records
	shop    http.Handler
	sign    func(*testing.T, *http.Request, demo.Caller)
	links   bool
}

// forEachBackend runs test against an empty shop of either kind.
func forEachBackend(t *testing.T, test func(*testing.T, backend)) {
	t.Helper()
	t.Run("medusa", func(t *testing.T) {
		t.Parallel()
		records := demo.NewRecords()
		test(t, backend{
			records: records,
			shop: demo.NewShop(demo.ShopOptions{
				Authenticate: demo.MedusaAuthenticator([]byte(secret)),
				Records:      records,
			}),
			sign: func(t *testing.T, r *http.Request, c demo.Caller) {
				r.Header.Set("Authorization", bearer(t, c))
			},
		})
	})
	t.Run("legacy", func(t *testing.T) {
		t.Parallel()
		records := demo.NewRecords()
		test(t, backend{
			records: records,
			shop: demo.NewShop(demo.ShopOptions{
				Authenticate:  demo.LegacyAuthenticator(),
				Records:       records,
				AnnounceLinks: true,
			}),
			sign: func(_ *testing.T, r *http.Request, c demo.Caller) {
				r.Header.Set("X-Auth-Actor-Id", c.ActorID)
				r.Header.Set("X-Auth-Actor-Type", c.ActorType)
				r.Header.Set("X-Auth-Identity-Id", c.IdentityID)
			},
			links: true,
		})
	})
}

// bearer returns what the caller sends to a backend that knows tokens.
func bearer(t *testing.T, c demo.Caller) string {
	t.Helper()
	return "Bearer " + token(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{
		"actor_id": c.ActorID, "actor_type": c.ActorType, "auth_identity_id": c.IdentityID,
	})
}

func token(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// do sends a request as the caller; nobody is an anonymous one.
func (b backend) do(t *testing.T, as demo.Caller, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if as != nobody {
		b.sign(t, r, as)
	}
	w := httptest.NewRecorder()
	b.shop.ServeHTTP(w, r)
	return w
}

// register makes a customer and returns it as a caller.
func (b backend) register(t *testing.T, email, identityID string) demo.Caller {
	t.Helper()
	newcomer := demo.Caller{ActorType: "customer", IdentityID: identityID}
	w := b.do(t, newcomer, http.MethodPost, "/store/customers", `{"email":"`+email+`"}`)
	var answer struct{ Customer struct{ ID string } }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Customer.ID == "" {
		t.Fatalf("create %s: got %d %s", email, w.Code, w.Body)
	}
	newcomer.ActorID = answer.Customer.ID
	return newcomer
}

var (
	nobody   = demo.Caller{}
	newcomer = demo.Caller{ActorType: "customer", IdentityID: "authid_new"}
	admin    = demo.Caller{ActorType: "user", ActorID: "user_any", IdentityID: "authid_admin"}

	ids   = regexp.MustCompile(`\b(cus|user|invite|order|ordli)_[0-9A-HJKMNP-TV-Z]{26}\b`)
	times = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
)

// normal replaces what differs from run to run.
func normal(body string) string {
	return times.ReplaceAllString(ids.ReplaceAllString(body, "${1}_ID"), `"TIME"`)
}

const unauthorized = `{"message":"Unauthorized"}`

func TestCreateCustomer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		as     demo.Caller
		body   string
		status int
		want   string
	}{
		"all members": {
			newcomer, `{"email":"ada@example.com","first_name":"Ada","last_name":"L","phone":"+4512345678","company_name":"ACME","metadata":{"k":"<v>"}}`,
			200, `{"customer":{"id":"cus_ID","email":"ada@example.com","company_name":"ACME","first_name":"Ada","last_name":"L","phone":"+4512345678","metadata":{"k":"<v>"},"has_account":true,"deleted_at":null,"created_at":"TIME","updated_at":"TIME","addresses":[]}}`,
		},
		"e-mail alone": {
			newcomer, `{"email":"ada@example.com"}`,
			200, `{"customer":{"id":"cus_ID","email":"ada@example.com","company_name":null,"first_name":null,"last_name":null,"phone":null,"metadata":null,"has_account":true,"deleted_at":null,"created_at":"TIME","updated_at":"TIME","addresses":[]}}`,
		},
		"taken e-mail": {
			newcomer, `{"email":"taken@example.com"}`,
			422, `{"code":"invalid_request_error","type":"duplicate_error","message":"Customer with this email already has an account"}`,
		},
		"linked identity, other e-mail": {
			demo.Caller{ActorType: "customer", IdentityID: "authid_taken"}, `{"email":"ada@example.com"}`,
			500, `{"code":"unknown_error","type":"unknown_error","message":"An unknown error occurred."}`,
		},
		"has an actor": {
			demo.Caller{ActorType: "customer", ActorID: "cus_1", IdentityID: "authid_1"}, `{"email":"ada@example.com"}`,
			400, `{"type":"invalid_data","message":"Request already authenticated as a customer."}`,
		},
		"no e-mail": {
			newcomer, `{"first_name":"A"}`,
			400, `{"type":"invalid_data","message":"Email is required to create a customer"}`,
		},
		"no body": {newcomer, ``, 400, `{"type":"invalid_data","message":"Email is required to create a customer"}`},
		"bad e-mail": {
			newcomer, `{"email":"nope"}`,
			400, `{"type":"invalid_data","message":"Invalid request: Invalid email address"}`,
		},
		"e-mail with a name": {
			newcomer, `{"email":"Ada <ada@example.com>"}`,
			400, `{"type":"invalid_data","message":"Invalid request: Invalid email address"}`,
		},
		"unknown member": {
			newcomer, `{"email":"ada@example.com","bogus":1}`,
			400, `{"type":"invalid_data","message":"Invalid request: Unrecognized fields: 'bogus'"}`,
		},
		"wrong types": {
			newcomer, `{"email":5,"metadata":"x"}`,
			400, `{"type":"invalid_data","message":"Invalid request: Expected type: 'object' for field 'metadata', got: '\"x\"'; Expected type: 'string' for field 'email', got: '5'"}`,
		},
		"not JSON":     {newcomer, `{`, 400, `{"type":"invalid_data","message":"The body is not a JSON object"}`},
		"null":         {newcomer, `null`, 400, `{"type":"invalid_data","message":"The body is not a JSON object"}`},
		"long body":    {newcomer, `{"email":"` + strings.Repeat("a", 9000) + `"}`, 413, `{"type":"unknown_error","message":"request entity too large"}`},
		"anonymous":    {nobody, `{"email":"ada@example.com"}`, 401, unauthorized},
		"user":         {admin, `{"email":"ada@example.com"}`, 401, unauthorized},
		"no identity":  {demo.Caller{ActorType: "customer"}, `{"email":"ada@example.com"}`, 401, unauthorized},
		"unknown type": {demo.Caller{ActorType: "robot", IdentityID: "authid_1"}, `{"email":"ada@example.com"}`, 401, unauthorized},
	}
	forEachBackend(t, func(t *testing.T, b backend) {
		b.register(t, "taken@example.com", "authid_taken")
		for name, tc := range tests {
			t.Run(name, func(t *testing.T) {
				w := b.do(t, tc.as, http.MethodPost, "/store/customers", tc.body)
				if got := normal(w.Body.String()); w.Code != tc.status || got != tc.want {
					t.Errorf("got %d %s\nwant %d %s", w.Code, got, tc.status, tc.want)
				}
				if w.Code == 200 {
					b.deleteCustomer(t, idOf(t, w)) // the next case starts afresh
				}
				wantLink := ""
				if b.links && tc.status == 200 {
					wantLink = "customer=" + idOf(t, w)
				}
				if got := w.Header().Get("X-Auth-Link"); got != wantLink {
					t.Errorf("X-Auth-Link: got %q, want %q", got, wantLink)
				}
			})
		}
	})
}

// idOf returns the first record id of an answer.
func idOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	id := ids.FindString(w.Body.String())
	if id == "" {
		t.Fatalf("no id in %s", w.Body)
	}
	return id
}

func (b backend) deleteCustomer(t *testing.T, id string) {
	t.Helper()
	w := b.do(t, admin, http.MethodDelete, "/admin/customers/"+id, "")
	if want := `{"id":"` + id + `","object":"customer","deleted":true}`; w.Code != 200 || w.Body.String() != want {
		t.Fatalf("got %d %s, want %s", w.Code, w.Body, want)
	}
}

func TestAnswersCarryTheirLength(t *testing.T) {
	t.Parallel()
	forEachBackend(t, func(t *testing.T, b backend) {
		w := b.do(t, newcomer, http.MethodPost, "/store/customers", `{"email":"ada@example.com"}`)
		for name, want := range map[string]string{
			"Content-Type":   "application/json; charset=utf-8",
			"Content-Length": strconv.Itoa(w.Body.Len()),
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	})
}

func TestOneCustomerPerEmail(t *testing.T) {
	t.Parallel()
	forEachBackend(t, func(t *testing.T, b backend) {
		var wg sync.WaitGroup
		statuses := make([]int, 50)
		for i := range statuses {
			wg.Go(func() {
				as := demo.Caller{ActorType: "customer", IdentityID: "authid_" + strconv.Itoa(i)}
				statuses[i] = b.do(t, as, http.MethodPost, "/store/customers", `{"email":"ada@example.com"}`).Code
			})
		}
		wg.Wait()
		count := map[int]int{}
		for _, status := range statuses {
			count[status]++
		}
		if count[200] != 1 || count[422] != len(statuses)-1 {
			t.Errorf("got %v, want one 200 and 422 otherwise", count)
		}
	})
}
