package demo_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"      // the adapter
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy" // for the order of directives

	"github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

func adapt(text string) ([]byte, error) {
	result, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	return result, err
}

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		site string // what stands in the site's block
		want string // the site's routes
	}{
		"default": {
			`auth_sidecar_demo`,
			`[{"handle":[{"handler":"auth_sidecar_demo"}]}]`,
		},
		"empty block": {
			"auth_sidecar_demo legacy {\n}",
			`[{"handle":[{"handler":"auth_sidecar_demo","kind":"legacy"}]}]`,
		},
		"matcher": {
			`auth_sidecar_demo /store/* legacy`,
			`[{"match":[{"path":["/store/*"]}],"handle":[{"handler":"auth_sidecar_demo","kind":"legacy"}]}]`,
		},
		"options, and the environment is not read": {
			"auth_sidecar_demo medusa {\njwt_secret {env.HOME}\nname \"second shop\"\n}",
			`[{"handle":[{"handler":"auth_sidecar_demo","jwt_secret":"{env.HOME}","kind":"medusa","name":"second shop"}]}]`,
		},
		"order": {
			"reverse_proxy localhost:1\nauth_sidecar_demo storefront\nauth_sidecar_demo legacy\nredir /old /new",
			`[{"match":[{"path":["/old"]}],"handle":[{"handler":"static_response","headers":{"Location":["/new"]},"status_code":302}]},` +
				`{"handle":[{"handler":"auth_sidecar_demo","kind":"storefront"},{"handler":"auth_sidecar_demo","kind":"legacy"},` +
				`{"handler":"reverse_proxy","upstreams":[{"dial":"localhost:1"}]}]}]`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := adapt(":80 {\n" + tc.site + "\n}\n")
			if err != nil {
				t.Fatal(err)
			}
			var config struct {
				Apps struct {
					HTTP struct {
						Servers map[string]struct{ Routes json.RawMessage }
					}
				}
			}
			if err := json.Unmarshal(result, &config); err != nil {
				t.Fatal(err)
			}
			if got := string(config.Apps.HTTP.Servers["srv0"].Routes); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestCaddyfileErrors(t *testing.T) {
	t.Parallel()
	for site, want := range map[string]string{
		"auth_sidecar_demo shopify":                         `unknown kind "shopify": expected storefront, medusa, legacy or openid, at Caddyfile:2`,
		"auth_sidecar_demo legacy medusa":                   "wrong argument count or unexpected line ending after 'medusa', at Caddyfile:2",
		"auth_sidecar_demo medusa":                          "jwt_secret is required for the kind medusa, at Caddyfile:2",
		"auth_sidecar_demo medusa {\njwt_secret plain\n}":   "not the secret itself, at Caddyfile:4",
		"auth_sidecar_demo legacy {\njwt_secret {env.A}\n}": "jwt_secret is for the kind medusa only, at Caddyfile:4",
		"auth_sidecar_demo storefront {\nname x\n}":         "name is for the kinds medusa and legacy only, at Caddyfile:4",
		"auth_sidecar_demo medusa {\njwt_secret\n}":         "wrong argument count or unexpected line ending after 'jwt_secret', at Caddyfile:3",
		"auth_sidecar_demo legacy {\nname a b\n}":           "wrong argument count or unexpected line ending after 'a', at Caddyfile:3",
		"auth_sidecar_demo legacy {\nname a\nname b\n}":     `duplicate option "name", at Caddyfile:4`,
		"auth_sidecar_demo legacy {\nsecret x\n}":           `unrecognized subdirective "secret", at Caddyfile:3`,
		"auth_sidecar_demo legacy {\nname {\nnested\n}\n}":  "wrong argument count or unexpected line ending after 'name', at Caddyfile:3",
	} {
		_, err := adapt(":80 {\n" + site + "\n}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v\nwant %s", site, err, want)
		}
	}
}

// FuzzCaddyfile: whatever stands in the block, the parser ends and does not
// take a secret from it.
func FuzzCaddyfile(f *testing.F) {
	for _, seed := range []string{
		"", "storefront", "legacy {\nname x\n}", "medusa {\njwt_secret {env.A}\n}", "{", "}", "medusa {\njwt_secret \"", "a b c", "legacy {\nname {\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var h demo.Handler
		d := caddyfile.NewTestDispenser("auth_sidecar_demo " + text)
		if err := h.UnmarshalCaddyfile(d); err == nil && h.JWTSecret != "" && !strings.HasPrefix(h.JWTSecret, "{") {
			t.Errorf("%q: accepted the secret %q", text, h.JWTSecret)
		}
	})
}
