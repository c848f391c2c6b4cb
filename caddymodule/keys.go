package caddymodule

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// JWT says how access tokens are signed. Exactly one key signs: the first key
// file, or else the secret. All of them verify, each for its own algorithm.
type JWT struct {
	// The HS256 secret, at least 32 bytes: a placeholder such as
	// `{env.JWT_SECRET}` or `{file./run/secrets/jwt}`. A backend that checks
	// the tokens itself needs the same one.
	Secret string `json:"secret,omitempty"`

	// Earlier secrets, whose tokens are still accepted.
	PreviousSecrets []string `json:"previous_secrets,omitempty"`

	// PEM keys: RSA (RS256), ECDSA (ES256, ES384) or Ed25519 (EdDSA). The first
	// one signs and must be a private key.
	KeyFiles []KeyFile `json:"key_files,omitempty"`

	// How long an access token is good. Default: 24h.
	ExpiresIn caddy.Duration `json:"expires_in,omitempty"`

	// The `iss` and `aud` claims: written into tokens and demanded of them.
	// Default: none, as in Medusa.
	Issuer   string `json:"issuer,omitempty"`
	Audience string `json:"audience,omitempty"`

	// How far clocks may differ when `exp` is checked. Default: 0.
	Leeway caddy.Duration `json:"leeway,omitempty"`

	// Accept an HS256 secret under 32 bytes. It can be guessed from a single
	// token; for a shop that is stuck with one.
	AllowShortSecret bool `json:"allow_short_secret,omitempty"`
}

// KeyFile is a PEM key on disk. It is read when the configuration is loaded;
// after its content changed, reload with `caddy reload --force`.
type KeyFile struct {
	// The path of the PEM file. Placeholders are expanded.
	Path string `json:"path"`
	// The key's `kid`. Default: its RFC 7638 thumbprint.
	KID string `json:"kid,omitempty"`
}

// has reports whether the secret signs tokens, or did.
func (j *JWT) has(secret identity.Secret) bool {
	if j == nil {
		return false
	}
	return slices.ContainsFunc(append([]string{j.Secret}, j.PreviousSecrets...), func(value string) bool {
		own, err := resolveSecret("jwt secret", value) // which was resolved before
		return err == nil && own.Reveal() == secret.Reveal()
	})
}

// ring makes the key ring. generated is the secret to use when none is
// configured; empty means that this is an error.
func (j *JWT) ring(generated identity.Secret, logger *zap.Logger) (*token.Ring, error) {
	if j == nil {
		j = new(JWT)
	}
	var keys []token.Key
	for _, file := range j.KeyFiles {
		key, err := file.read()
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	secrets := j.PreviousSecrets
	if j.Secret != "" {
		secrets = append([]string{j.Secret}, secrets...)
	}
	for _, value := range secrets {
		secret, err := resolveSecret("jwt secret", value)
		if err != nil {
			return nil, err
		}
		warnLiteral(logger, "jwt secret", value)
		key, err := token.NewSecret(secret, j.AllowShortSecret)
		if err != nil {
			return nil, fmt.Errorf("jwt: %w", err)
		}
		keys = append(keys, key)
	}
	if j.Secret == "" && len(j.KeyFiles) == 0 {
		if generated.Empty() {
			return nil, errors.New(`jwt: nothing to sign tokens with: add a block jwt with the line "secret {env.JWT_SECRET}" or "key_file <pem>"`)
		}
		key, err := token.NewSecret(derive(generated, "jwt"), false)
		if err != nil {
			return nil, err
		}
		keys = append([]token.Key{key}, keys...)
	}
	ring, err := token.NewRing(token.Config{
		Keys: keys, Issuer: j.Issuer, Audience: j.Audience, Leeway: time.Duration(j.Leeway),
	})
	if err != nil {
		return nil, fmt.Errorf("jwt: %w", err)
	}
	return ring, nil
}

func (f KeyFile) read() (token.Key, error) {
	path, err := caddy.NewReplacer().ReplaceOrErr(f.Path, true, true)
	if err != nil {
		return token.Key{}, fmt.Errorf("jwt key_file: %w", err)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return token.Key{}, fmt.Errorf("jwt key_file: %w", err)
	}
	key, err := token.ParsePEM(pem, f.KID)
	if err != nil {
		return token.Key{}, fmt.Errorf("jwt key_file %s: %w", path, err)
	}
	return key, nil
}

// Session says how long sessions last and what their cookie looks like.
type Session struct {
	// The secrets that sign the cookie, at least 32 bytes each: the first signs, all verify.
	// Placeholders such as `{env.COOKIE_SECRET}`.
	Secrets []string `json:"secrets,omitempty"`

	// The cookie's name. Default: `connect.sid`.
	Cookie string `json:"cookie,omitempty"`

	// What the sessions' keys in Redis begin with. Default: the realm's key
	// prefix and `sess:`.
	KeyPrefix string `json:"key_prefix,omitempty"`

	// How long a session lasts after the login, or after its last use when it
	// is rolling. Default: 10h.
	TTL caddy.Duration `json:"ttl,omitempty"`

	// When a session ends at the latest, however much it is used. Default: no
	// limit beyond the ttl.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// Prolong the session whenever it is used. Default: false.
	Rolling bool `json:"rolling,omitempty"`

	// The cookie's `SameSite`: `lax`, `none` or `strict`. `none` needs
	// `secure always`. Default: lax over https; not written over plain http.
	SameSite string `json:"same_site,omitempty"`

	// When the cookie is `Secure`: `auto` (when the request came by https),
	// `always` (over plain http no cookie is sent at all) or `never`.
	// Default: auto.
	Secure string `json:"secure,omitempty"`

	// The domain to whose subdomains the cookie is sent too. Default: none, the
	// cookie belongs to the site's host alone.
	Domain string `json:"domain,omitempty"`
}

func (s *Session) settings() session.Settings {
	return session.Settings{
		Name: s.Cookie, Domain: s.Domain, SameSite: session.SameSite(s.SameSite), Secure: session.Secure(s.Secure),
		TTL: time.Duration(s.TTL), MaxAge: time.Duration(s.MaxAge), Rolling: s.Rolling,
	}
}

// secrets resolves the cookie secrets, or returns the generated one.
func (s *Session) secrets(generated identity.Secret, logger *zap.Logger) ([]identity.Secret, error) {
	if len(s.Secrets) == 0 {
		if generated.Empty() {
			return nil, errors.New(`session: nothing to sign cookies with: add a block session with the line "secret {env.COOKIE_SECRET}"`)
		}
		return []identity.Secret{derive(generated, "session")}, nil
	}
	var secrets []identity.Secret
	for _, value := range s.Secrets {
		secret, err := resolveSecret("session secret", value)
		if err != nil {
			return nil, err
		}
		warnLiteral(logger, "session secret", value)
		if len(strings.TrimSpace(secret.Reveal())) < token.MinSecret {
			// Short ones can be guessed from a single cookie.
			return nil, fmt.Errorf("session secret: it needs at least %d bytes, for example from `openssl rand -base64 48`", token.MinSecret)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// derive makes a secret for one purpose out of another (RFC 5869), so that
// none serves two.
func derive(secret identity.Secret, purpose string) identity.Secret {
	key, err := hkdf.Key(sha256.New, []byte(secret.Reveal()), nil, "auth-sidecar "+purpose, sha256.Size)
	if err != nil {
		panic(err) // only a length beyond the hash's limit fails
	}
	return identity.NewSecret(base64.RawURLEncoding.EncodeToString(key))
}

// warnPassword is warnLiteral for a URL that may hold a password.
func warnPassword(logger *zap.Logger, what, value string) {
	if u, err := url.Parse(value); err == nil && u.User != nil { // a placeholder is no URL
		if password, _ := u.User.Password(); password != "" {
			warnLiteral(logger, what, value)
		}
	}
}

func warnLiteral(logger *zap.Logger, what, value string) {
	if !isPlaceholder(value) {
		logger.Warn("a secret stands in the configuration itself, which Caddy saves to disk and shows on its admin API; use a placeholder such as {env.NAME}",
			zap.String("option", what))
	}
}
