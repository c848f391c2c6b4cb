package httpapi_test

import "testing"

// What a Medusa 2.21 without second factors and verification answers, as it was
// measured; only the request for a verification is refused in place of 201.
func TestFeaturesOff(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(set *setup) { set.config.Backend = true })
	raw := s.token(s.mustDo(200, post("/auth/user/emailpass/register", credentials("off@example.com", "pass-1"))))
	cookie := s.login(raw)
	customer := s.token(s.mustDo(200, post("/auth/customer/emailpass/register", credentials("shop@example.com", "pass-1"))))
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/auth/mfa/factors", "", 200, `{"mfa_factors":[]}`},
		{"POST", "/auth/mfa/factors", `{}`, 400, `{"type":"invalid_data","message":"Invalid request: Field 'provider' is required"}`},
		{"POST", "/auth/mfa/factors", `{"provider":"totp","label":null,"x":1}`, 400, `{"type":"invalid_data","message":"Invalid request: Unrecognized fields: 'x'"}`},
		{"POST", "/auth/mfa/factors", `{"provider":5}`, 400, `{"type":"invalid_data","message":"Invalid request: Expected type: 'string' for field 'provider', got: '5'"}`},
		{"POST", "/auth/mfa/factors", `{"provider":"totp"}`, 400, `{"type":"invalid_data","message":"MFA encryption key is required to use MFA methods"}`},
		{"POST", "/auth/mfa/factors/x/verify", `{}`, 400, `{"type":"invalid_data","message":"Invalid request: Field 'code' is required"}`},
		{"POST", "/auth/mfa/factors/x/verify", `{"code":"1"}`, 404, `{"type":"not_found","message":"MFA factor with id \"x\" was not found"}`},
		{"DELETE", "/auth/mfa/factors/x", "", 404, `{"type":"not_found","message":"MFA factor with id \"x\" was not found"}`},
		{"POST", "/auth/mfa/recovery-codes", `{}`, 400, `{"type":"not_allowed","message":"Recovery codes require an enabled MFA factor"}`},
		{"POST", "/auth/mfa/challenges/x/verify", `{}`, 400, `{"type":"invalid_data","message":"Invalid request: Field 'method' is required; Field 'code' is required"}`},
		{"POST", "/auth/mfa/challenges/x/verify", `{"method":"totp","code":"1"}`, 404, `{"type":"not_found","message":"MFA challenge with id \"x\" was not found"}`},
		{"POST", "/auth/verification/request", `{}`, 400, `{"type":"invalid_data","message":"Invalid request: Field 'entity_id' is required; Field 'entity_type' is required"}`},
		{"POST", "/auth/verification/request", `{"entity_id":"a","entity_type":"email"}`, 400, `{"type":"not_allowed","message":"Verification is not available"}`},
	} {
		name := test.method + " " + test.path + " " + test.body
		for _, credential := range [][]string{{"Authorization", bearer(raw)}, {"Cookie", cookie}} {
			h := headers(append(credential, "Content-Type", "application/json")...)
			if res := s.do(request{test.method, test.path, test.body, h}); res.status != test.status || res.body != test.want {
				t.Errorf("%s: got %d %s", name, res.status, res.body)
			}
		}
		for _, credential := range [][]string{nil, {"Authorization", "Bearer garbage"}} {
			h := headers(append(credential, "Content-Type", "application/json")...)
			if res := s.do(request{test.method, test.path, test.body, h}); res.status != 401 || res.body != unauthorizedBody {
				t.Errorf("%s without a credential: got %d %s", name, res.status, res.body)
			}
		}
	}
	const confirm = "/auth/verification/confirm"
	if res := s.do(post(confirm, `{}`)); res.status != 400 || res.body != `{"type":"invalid_data","message":"Invalid request: Field 'code' is required"}` {
		t.Errorf("confirming nothing: %d %s", res.status, res.body)
	}
	if res := s.do(post(confirm, `{"code":"x"}`)); res.status != 400 || res.body != `{"type":"not_allowed","message":"Verification code is invalid or already used"}` {
		t.Errorf("confirming: %d %s", res.status, res.body)
	}
	for token, want := range map[string]int{"": 401, bearer(customer): 401} {
		if res := s.do(post("/auth/emailpass/user", `{}`, "Authorization", token)); res.status != want || res.body != unauthorizedBody {
			t.Errorf("user of a provider: %d %s", res.status, res.body)
		}
	}
	if res := s.do(post("/auth/google/user", `{}`)); res.status != 400 {
		t.Errorf("user of a provider that users may not use: %d %s", res.status, res.body)
	}
}
