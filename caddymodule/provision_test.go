package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// validate does what `caddy validate` does, and returns what was logged, too. An
// error of the adapter has file and line.
func validate(t *testing.T, caddyfile string) (log string, err error) {
	t.Helper()
	oneCaddy.Lock()
	defer oneCaddy.Unlock()
	adapted, err := adapt(caddyfile)
	if err != nil {
		return "", err
	}
	var c caddy.Config
	if err := json.Unmarshal(adapted, &c); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "log")
	c.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{
		WriterRaw: json.RawMessage(`{"output":"file","filename":"` + file + `"}`),
	}}}}
	err = caddy.Validate(&c)
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return string(text), err
}

// realm is a Caddyfile with that global option and a site.
func realm(options, site string) string {
	return "{\nadmin off\npersist_config off\nauth_sidecar {\n" + options + "\n}\n}\nhttp://:8080 {\n" + site + "\n}\n"
}

const (
	goodRedis   = "redis redis://127.0.0.1:1\n"
	goodJWT     = "jwt {\nsecret {env.TEST_JWT_SECRET}\n}\n"
	goodSession = "session {\nsecret {env.TEST_COOKIE_SECRET}\n}\n"
	good        = goodRedis + goodJWT + goodSession
)

func TestProvisionErrors(t *testing.T) {
	t.Setenv("TEST_EMPTY", "")
	t.Setenv("TEST_SHORT", "too-short")
	folder := t.TempDir()
	for name, content := range map[string]string{
		"empty": "", "text": "no key at all",
		"public": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const nothing = ""
	for name, c := range map[string]struct{ realm, site, want string }{
		"secret is not in the environment": {
			goodRedis + "jwt {\nsecret {env.TEST_MISSING}\n}\n" + goodSession, nothing,
			`realm "default": jwt secret: evaluated placeholder {env.TEST_MISSING} is empty (set the variable or the file`,
		},
		"secret is empty": {
			goodRedis + "jwt {\nsecret {env.TEST_EMPTY}\n}\n" + goodSession, nothing,
			"jwt secret: evaluated placeholder {env.TEST_EMPTY} is empty",
		},
		"secret file is missing": {
			goodRedis + "jwt {\nsecret {file." + folder + "/missing}\n}\n" + goodSession, nothing,
			"jwt secret: evaluated placeholder {file." + folder + "/missing} is empty",
		},
		"secret file is empty": {
			goodRedis + goodJWT + "session {\nsecret {file." + folder + "/empty}\n}\n", nothing,
			"session secret: evaluated placeholder {file." + folder + "/empty} is empty",
		},
		"placeholder is unknown": {
			goodRedis + "jwt {\nsecret {evn.JWT_SECRET}\n}\n" + goodSession, nothing,
			"jwt secret: unrecognized placeholder {evn.JWT_SECRET}",
		},
		"previous secret is missing": {
			goodRedis + "jwt {\nsecret {env.TEST_JWT_SECRET}\nprevious_secret {env.TEST_MISSING}\n}\n" + goodSession, nothing,
			"jwt secret: evaluated placeholder {env.TEST_MISSING} is empty",
		},
		"secret is short": {
			goodRedis + "jwt {\nsecret {env.TEST_SHORT}\n}\n" + goodSession, nothing, "allow_short_secret",
		},
		"no secret for tokens":   {goodRedis + goodSession, nothing, `jwt: nothing to sign tokens with: add a block jwt with the line "secret {env.JWT_SECRET}"`},
		"no secret for sessions": {goodRedis + goodJWT, nothing, `session: nothing to sign cookies with: add a block session with the line "secret {env.COOKIE_SECRET}"`},
		"no redis": {
			goodJWT + goodSession, nothing,
			`realm "default": redis is not configured: write "redis {env.REDIS_URL}", or "redis embedded"`,
		},
		"redis is not in the environment": {
			"redis {env.TEST_MISSING}\n" + goodJWT + goodSession, nothing, "redis URL: evaluated placeholder {env.TEST_MISSING} is empty",
		},
		"redis is no URL":        {"redis localhost:6379\n" + goodJWT + goodSession, nothing, "redis URL: must begin with redis://, rediss:// or unix://"},
		"redis is an address":    {"redis 127.0.0.1:6379\n" + goodJWT + goodSession, nothing, "redis URL: must begin with redis://, rediss:// or unix://"},
		"redis timeout too long": {"redis redis://127.0.0.1:1 {\ntimeout 1h\n}\n" + goodJWT + goodSession, nothing, "must be between 1ms and 30s"},
		"ca_file without TLS":    {"redis redis://127.0.0.1:1 {\nca_file /ca.pem\n}\n" + goodJWT + goodSession, nothing, "a CA file is for a rediss:// URL"},
		"ca_file is missing":     {"redis rediss://127.0.0.1:1 {\nca_file " + folder + "/missing\n}\n" + goodJWT + goodSession, nothing, "reading the CA file"},
		"ca_file is no PEM":      {"redis rediss://127.0.0.1:1 {\nca_file " + folder + "/text\n}\n" + goodJWT + goodSession, nothing, "no certificate in the CA file"},
		"ca_file with embedded":  {"redis embedded {\nca_file " + folder + "/text\n}", nothing, "redis embedded: has no use for ca_file"},
		"cluster with embedded":  {"redis embedded {\ncluster\n}", nothing, "redis embedded: has no use for cluster"},
		"sentinel's password is not in the environment": {
			"redis redis://127.0.0.1:1 {\nsentinel shop {\npassword {env.TEST_MISSING}\n}\n}\n" + goodJWT + goodSession, nothing,
			"redis sentinel password: evaluated placeholder {env.TEST_MISSING} is empty",
		},
		"several hosts that are nothing": {"redis redis://127.0.0.1:1,127.0.0.1:2\n" + goodJWT + goodSession, nothing, "several hosts are for sentinels or a cluster"},
		"braces in the prefix":           {"redis redis://127.0.0.1:1 {\nkey_prefix shop\\{1\\}:\n}\n" + goodJWT + goodSession, nothing, "prefix"},
		"key file is missing": {
			goodRedis + "jwt {\nkey_file " + folder + "/missing\n}\n" + goodSession, nothing, "jwt key_file: open " + folder + "/missing",
		},
		"key file is no PEM": {
			goodRedis + "jwt {\nkey_file " + folder + "/text\n}\n" + goodSession, nothing, "jwt key_file " + folder + "/text: ",
		},
		"key file to sign with is public": {
			goodRedis + "jwt {\nkey_file " + folder + "/public\n}\n" + goodSession, nothing, "jwt: ",
		},
		"actor of an unknown provider": {
			good + "actor customer google", nothing,
			`actor customer: there is no provider "google"; there is: emailpass, at Caddyfile:12`,
		},
		"actor type that cannot be": {good + "actor \"a b\" emailpass", nothing, `actor type "a b": use letters, digits, '_' and '-'`},
		"webhook without secret":    {good + "notify webhook https://mailer.example.com", nothing, "webhook"},
		"webhook secret is missing": {
			good + "notify webhook https://mailer.example.com {\nsecret {env.TEST_MISSING}\n}", nothing,
			"webhook secret: evaluated placeholder {env.TEST_MISSING} is empty",
		},
		"webhook URL is missing": {
			good + "notify webhook {env.TEST_MISSING} {\nsecret {env.TEST_JWT_SECRET}\n}", nothing,
			"webhook URL: evaluated placeholder {env.TEST_MISSING} is empty",
		},
		"site of a missing realm": {
			good, "auth_sidecar {\nrealm shop2\n}",
			`there is no auth_sidecar realm "shop2": configure it with the global option auth_sidecar, or name one that is there: default`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := c.site
			if site == "" {
				site = "auth_sidecar"
			}
			_, err := validate(t, realm(c.realm, site))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			parts := strings.Split(fmt.Sprint(err), ": ")
			for n, part := range parts[1:] {
				if part == parts[n] || strings.HasPrefix(part, parts[n]+" ") {
					t.Errorf("it says %s twice: %v", parts[n], err)
				}
			}
		})
	}
}

// A site without the global option names what is missing.
func TestProvisionWithoutRealm(t *testing.T) {
	_, err := validate(t, "{\nadmin off\n}\nhttp://:8080 {\nauth_sidecar\n}\n")
	if err == nil || !strings.Contains(err.Error(), `there is no auth_sidecar realm "default": configure it with the global option auth_sidecar`) {
		t.Errorf("got %v", err)
	}
}

// What the Caddyfile's parser refuses is refused in JSON, too.
func TestProvisionJSON(t *testing.T) {
	for name, c := range map[string]struct{ realm, handler, want string }{
		"embedded and URL":     {`{"redis":{"embedded":true,"url":"redis://127.0.0.1:1"}}`, `{}`, "embedded and a URL exclude each other"},
		"unknown field":        {`{"redis":{"embeded":true}}`, `{}`, `unknown field "embeded"`},
		"null realm":           {`null`, `{}`, `realm "default" has no configuration`},
		"same_site none":       {`{"redis":{"embedded":true},"session":{"same_site":"none"}}`, `{}`, "add secure always, or use same_site lax"},
		"provider without id":  {`{"redis":{"embedded":true},"providers":[{"module":{"provider":"emailpass"}}]}`, `{}`, "a provider has no id"},
		"provider twice":       {`{"redis":{"embedded":true},"providers":[{"id":"a","module":{"provider":"emailpass"}},{"id":"a","module":{"provider":"emailpass"}}]}`, `{}`, `provider "a" is configured twice`},
		"provider module":      {`{"redis":{"embedded":true},"providers":[{"id":"a","module":{"provider":"myspace"}}]}`, `{}`, `provider "a": `},
		"no provider module":   {`{"redis":{"embedded":true},"providers":[{"id":"a"}]}`, `{}`, `provider "a": no module is named`},
		"hash":                 {`{"redis":{"embedded":true},"providers":[{"id":"a","module":{"provider":"emailpass","hash":"md5"}}]}`, `{}`, `hash "md5": use argon2id or scrypt`},
		"prefix":               {`{"redis":{"embedded":true}}`, `{"prefix":"/auth/"}`, `prefix "/auth/": write a plain path such as /auth`},
		"prefix with a star":   {`{"redis":{"embedded":true}}`, `{"prefix":"/auth*"}`, `prefix "/auth*": write a plain path such as /auth`},
		"cors":                 {`{"redis":{"embedded":true}}`, `{"cors":["/[/"]}`, `cors: origin "/[/": not a regular expression`},
		"forward":              {`{"redis":{"embedded":true}}`, `{"forward":"cookie"}`, `forward "cookie": use bearer or none`},
		"invalid_credentials":  {`{"redis":{"embedded":true}}`, `{"invalid_credentials":"drop"}`, `invalid_credentials "drop": use ignore or reject`},
		"headers":              {`{"redis":{"embedded":true}}`, `{"headers":"X_"}`, `headers "X_": write a prefix`},
		"link":                 {`{"redis":{"embedded":true}}`, `{"links":[{"actor_type":"customer","method":"post","path":"/x"}]}`, `link /x: "post" is no HTTP method`},
		"unlink":               {`{"redis":{"embedded":true}}`, `{"unlinks":[{"actor_type":"customer","method":"DELETE","path":"/x"}]}`, `unlink /x: one segment of the path must be *`},
		"max_body":             {`{"redis":{"embedded":true}}`, `{"max_body":-1}`, "negative"},
		"negative age":         {`{"redis":{"embedded":true},"revocation_max_age":-1}`, `{}`, "must not be negative"},
		"negative session ttl": {`{"redis":{"embedded":true},"session":{"ttl":-1}}`, `{}`, "a session must last at least 1s"},
		"negative expires_in":  {`{"redis":{"embedded":true},"jwt":{"expires_in":-1}}`, `{}`, "expires_in -1ns: a token must last at least 1s"},
		"negative reset_ttl":   {`{"redis":{"embedded":true},"reset_ttl":-1}`, `{}`, "reset_ttl -1ns: a token must last at least 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			handler := `{"handler":"auth_sidecar",` + strings.TrimPrefix(c.handler, "{")
			handler = strings.Replace(handler, ",}", "}", 1)
			if err := validateJSON(t, c.realm, handler); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// validateJSON does what `caddy validate` does with one realm and one handler.
func validateJSON(t *testing.T, realm, handler string) error {
	t.Helper()
	oneCaddy.Lock()
	defer oneCaddy.Unlock()
	var config caddy.Config
	text := `{"admin":{"disabled":true},"apps":{"auth_sidecar":{"realms":{"default":` + realm + `}},` +
		`"http":{"servers":{"srv0":{"listen":["127.0.0.1:8080"],"routes":[{"handle":[` + handler + `]}]}}}}}`
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(&config)
}
