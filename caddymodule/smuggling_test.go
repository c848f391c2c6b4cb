package caddymodule_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// forged are identity fields of a client, in spellings that some backend takes
// for ours (attacks A1 and A2). Caddy drops those with `_` and `.` by itself
// unless an operator lets them pass.
var forged = []string{
	"X-Auth-Actor-Id", "evil", "x-auth-actor-id", "evil2", "X-AUTH-ACTOR-TYPE", "user", "X-Auth-Identity-Id", " evil ",
	"X-Auth-Provider", "evil,evil2", "X-Auth-Roles", "admin", "X-Auth-Email", "evil@example.com", "X-Auth-Link", "user=evil", "X-Auth-", "evil",
	"X_Auth_Actor_Id", "evil", "x_auth-actor_id", "evil", "X-Auth_User", "evil", "X.Auth.Actor.Id", "evil", "X-Auth.User", "evil",
}

// identityOf returns the identity fields of a request, whatever their spelling.
func identityOf(h http.Header) map[string]string {
	fields := make(map[string]string)
	for name, values := range h {
		folded := strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
		if strings.HasPrefix(folded, "x-auth-") {
			fields[name] = strings.Join(values, "|")
		}
	}
	return fields
}

// identity returns the fields that the backend must see of the person.
func (p person) identity() map[string]string {
	if p.identityID == "" {
		return nil
	}
	fields := map[string]string{
		"X-Auth-Actor-Id": p.actorID, "X-Auth-Actor-Type": p.actorType, "X-Auth-Identity-Id": p.identityID, "X-Auth-Provider": "emailpass",
	}
	maps.DeleteFunc(fields, func(_, value string) bool { return value == "" })
	return fields
}

func wantIdentity(t *testing.T, got seen, want map[string]string) {
	t.Helper()
	if fields := identityOf(got.Header); !maps.Equal(fields, want) {
		t.Errorf("%s %s: the backend saw %v, want %v", got.Method, got.Target, fields, want)
	}
	if fields := identityOf(got.Trailer); len(fields) > 0 {
		t.Errorf("%s %s: the backend saw the trailers %v", got.Method, got.Target, fields)
	}
}

func TestForgedIdentityIsRemoved(t *testing.T) {
	const site = "auth_sidecar\nauth_require /optional* * {\noptional\n}\nauth_require /mine* customer {\nallow_unregistered\n}\nreverse_proxy {backend}"
	for name, servers := range map[string]string{
		"as Caddy is": "protocols h1 h2c",
		"underscores and dots let through": "protocols h1 h2c\nexpected_underscore_headers x_auth_actor_id x_auth-actor_id x-auth_user\n" +
			"expected_dot_headers x.auth.actor.id x-auth.user",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, config{Global: "servers {\n" + servers + "\n}", Site: site})
			ada := s.join(t, "customer", "ada@example.com")
			bob := s.register(t, "customer", "bob@example.com") // whose actor id is empty: attack A4
			none := person{}
			for protocol, client := range s.protocols() {
				for _, c := range []struct {
					method, target string
					credential     []string
					as             person
				}{
					{"GET", "/store/products", nil, none},
					{"POST", "/store/carts", nil, none},
					{"GET", "/optional", nil, none},
					{"OPTIONS", "/store/products", nil, none},
					{"OPTIONS", "/mine", []string{"Origin", "https://x.example.com", "Access-Control-Request-Method", "GET"}, none},
					{"OPTIONS", "/mine", []string{"Origin", "https://x.example.com", "Access-Control-Request-Method", "GET", "Authorization", ada.bearer}, none},
					{"GET", "/store/products", []string{"Authorization", "Bearer forged"}, none},
					{"GET", "/store/products", []string{"Cookie", "connect.sid=forged"}, none},
					{"GET", "/store/products", []string{"Authorization", "Basic c2tfZXZpbDo="}, none},
					{"GET", "/store/products", []string{"Authorization", ada.bearer}, ada},
					{"GET", "/store/products", []string{"Cookie", ada.cookie}, ada},
					{"GET", "/mine", []string{"Cookie", ada.cookie}, ada},
					{"GET", "/mine", []string{"Authorization", bob.bearer}, bob},
					{"GET", "/optional", []string{"Authorization", bob.bearer}, none},
				} {
					r, err := client.Do(s.request(t, c.method, c.target, "", slices.Concat(forged, c.credential)...))
					if err != nil {
						t.Fatal(err)
					}
					if want := map[string]int{"h1": 1, "h2c": 2}[protocol]; r.ProtoMajor != want {
						t.Fatalf("spoke HTTP/%d, want HTTP/%d", r.ProtoMajor, want)
					}
					wantIdentity(t, readResponse(t, r).seen(t), c.as.identity())
				}
			}
		})
	}
}

// protocols returns a client for each protocol that is served without TLS.
func (s *shop) protocols() map[string]*http.Client {
	var h1, h2 http.Protocols
	h1.SetHTTP1(true)
	h2.SetUnencryptedHTTP2(true)
	return map[string]*http.Client{"h1": s.newClient(&h1), "h2c": s.newClient(&h2)}
}

// A proxy deletes the fields that Connection lists: ours, too, if a client could
// list them (attack A5).
func TestConnectionListDeletesNoIdentity(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	for _, list := range []string{
		"Connection: X-Auth-Actor-Id", "Connection: close, x-auth-actor-id, X-Auth-Actor-Type", "connection: X-AUTH-IDENTITY-ID,x_auth_actor_id",
		"Connection: keep-alive\r\nConnection: x-auth-provider", "Connection: Authorization", "Connection: cookie, authorization, host",
		"Proxy-Connection: X-Auth-Actor-Id", "Connection: x-auth-actor-id\r\nX-Auth-Actor-Id: evil", "Keep-Alive: X-Auth-Actor-Id", "TE: trailers, x-auth-actor-id",
	} {
		for _, credential := range []string{"Authorization: " + ada.bearer, "Cookie: other=1; " + ada.cookie} {
			got := s.raw(t, "GET", "GET /store/x HTTP/1.1\r\nHost: shop\r\n"+list+"\r\n"+credential+"\r\n\r\n").seen(t)
			wantIdentity(t, got, ada.identity())
			if len(got.Header["Authorization"]) != 1 {
				t.Errorf("%s: Authorization is %q", list, got.Header["Authorization"])
			}
			if strings.HasPrefix(credential, "Cookie") && got.Header.Get("Cookie") != "other=1" {
				t.Errorf("%s: Cookie is %q", list, got.Header["Cookie"])
			}
		}
	}
}

// What comes behind a body is a field, too.
func TestForgedTrailersAreRemoved(t *testing.T) {
	s := open(t, config{Global: "servers {\nprotocols h1 h2c\n}"})
	ada := s.join(t, "customer", "ada@example.com")
	for _, credential := range []string{"", "Authorization: " + ada.bearer + "\r\n"} {
		want := person{}.identity()
		if credential != "" {
			want = ada.identity()
		}
		for _, announced := range []string{
			"Trailer: X-Auth-Actor-Id, X-Checksum\r\n", "Trailer: X-Checksum\r\n", "Trailer: x_auth_actor_id,X-Checksum\r\n",
			"Trailer: X-Checksum\r\nTrailer: X-Auth-Roles\r\n", "",
		} {
			got := s.raw(t, "POST", "POST /store/x HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n"+announced+credential+
				"\r\n2\r\nhi\r\n0\r\nX-Auth-Actor-Id: evil\r\nx_auth_actor_id: evil\r\nX-Auth-Roles: evil\r\nX-Checksum: 1\r\n\r\n").seen(t)
			wantIdentity(t, got, want)
			if got.Body != "hi" || announced != "" && got.Trailer.Get("X-Checksum") != "1" {
				t.Errorf("%q: the backend saw the body %q and trailers %v", announced, got.Body, got.Trailer)
			}
		}
	}
	r := s.request(t, "POST", "/store/x", "hi", "Authorization", ada.bearer)
	r.ContentLength = -1
	r.Trailer = http.Header{"X-Auth-Actor-Id": {"evil"}, "X-Checksum": {"1"}}
	answer, err := s.protocols()["h2c"].Do(r)
	if err != nil {
		t.Fatal(err)
	}
	got := readResponse(t, answer).seen(t)
	wantIdentity(t, got, ada.identity())
	if got.Body != "hi" || got.Trailer.Get("X-Checksum") != "1" {
		t.Errorf("the backend saw the body %q and trailers %v", got.Body, got.Trailer)
	}
}

// A prefix of the shop's own is protected like the default one, and so is the
// default one beside it.
func TestForgedIdentityOfAnOwnPrefix(t *testing.T) {
	for _, headers := range []string{"X-Shop-", "off"} {
		t.Run(headers, func(t *testing.T) {
			s := open(t, config{Site: "auth_sidecar {\nheaders " + headers + "\n}\nreverse_proxy {backend}"})
			ada := s.join(t, "customer", "ada@example.com")
			for _, credential := range [][]string{nil, {"Authorization", ada.bearer}} {
				got := s.send(t, "GET", "/store/x", "", slices.Concat(forged, []string{"X-Shop-Actor-Id", "evil", "x-shop-roles", "evil"}, credential)...).seen(t)
				wantIdentity(t, got, nil)
				want, forgedRoles := "", ""
				switch {
				case headers == "off":
					want, forgedRoles = "evil", "evil" // no field of ours
				case credential != nil:
					want = ada.actorID
				}
				if id, roles := got.Header.Get("X-Shop-Actor-Id"), got.Header.Get("X-Shop-Roles"); id != want || roles != forgedRoles {
					t.Errorf("%v: X-Shop-Actor-Id is %q, X-Shop-Roles %q", credential != nil, id, roles)
				}
			}
		})
	}
}

// The backend's own credentials do not pass beside ours (attack A8).
func TestOtherCredentialsDoNotPass(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	const foreign = "connect.sid=s%3Aforeign.signature"
	for name, c := range map[string]struct {
		header        []string
		authorization string // what the backend must see
		cookie        string
		as            person
	}{
		"foreign session":                    {[]string{"Cookie", "a=1; " + foreign + "; b=2"}, "", "a=1; b=2", person{}},
		"foreign session beside a bearer":    {[]string{"Cookie", foreign, "Authorization", ada.bearer}, ada.bearer, "", ada},
		"foreign session in a second field":  {[]string{"Cookie", "a=1", "Cookie", foreign, "Authorization", ada.bearer}, ada.bearer, "a=1", ada},
		"foreign session behind ours":        {[]string{"Cookie", ada.cookie + "; " + foreign}, "minted", "", ada},
		"session as old parsers read it":     {[]string{"Cookie", "a=1; \xa0" + foreign}, "", "a=1", person{}},
		"two bearers":                        {[]string{"Authorization", ada.bearer, "Authorization", "Bearer other"}, "", "", person{}},
		"two bearers, the second one proven": {[]string{"Authorization", "Bearer other", "Authorization", ada.bearer}, "", "", person{}},
		"bearer and Basic":                   {[]string{"Authorization", ada.bearer, "Authorization", "Basic c2s6"}, "", "", person{}},
		"Basic alone":                        {[]string{"Authorization", "Basic c2s6"}, "Basic c2s6", "", person{}},
		"session and Basic":                  {[]string{"Cookie", ada.cookie, "Authorization", "Basic c2s6"}, "minted", "", ada},
		"forged bearer":                      {[]string{"Authorization", "Bearer x"}, "", "", person{}},
		"forged bearer, odd spelling":        {[]string{"Authorization", "bEaReR\tx"}, "", "", person{}},
		"bearer with more behind it":         {[]string{"Authorization", "  " + ada.bearer + " and more"}, ada.bearer, "", ada},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.send(t, "GET", "/store/x", "", c.header...).seen(t)
			wantIdentity(t, got, c.as.identity())
			authorization := fmt.Sprint(strings.Join(got.Header["Authorization"], "|"))
			if c.authorization == "minted" {
				if claims := verified(t, strings.TrimPrefix(authorization, "Bearer ")); claims["actor_id"] != ada.actorID {
					t.Errorf("the backend got a token of %v", claims)
				}
			} else if authorization != c.authorization {
				t.Errorf("the backend saw Authorization %q, want %q", authorization, c.authorization)
			}
			if cookie := strings.Join(got.Header["Cookie"], "|"); cookie != c.cookie {
				t.Errorf("the backend saw Cookie %q, want %q", cookie, c.cookie)
			}
		})
	}
}
