package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

const (
	// skew is how far the provider's clock may be ahead.
	skew = time.Minute
	// oldest is how long ago an ID token may have been issued: it is made for the
	// code, and the code within the attempt.
	oldest = identity.AttemptTTL + 5*time.Minute
)

// Verifier judges ID tokens. It is safe for concurrent use.
type Verifier struct {
	clientID string
	issuers  []string
	clock    func() time.Time
	keys     keySet
}

// NewVerifier makes a Verifier of a provider whose keys are at a known address
// and that signs with RS256. The issuer of a token is one of issuers.
func NewVerifier(client *oauth.Client, clock func() time.Time, issuers []string, keysURL string) *Verifier {
	return newVerifier(client, clock, issuers, func(ctx context.Context) (published, error) {
		keys, err := fetchKeys(ctx, client, keysURL)
		return published{keys, []string{gooidc.RS256}}, err
	})
}

func newVerifier(client *oauth.Client, clock func() time.Time, issuers []string, fetch func(context.Context) (published, error)) *Verifier {
	return &Verifier{clientID: client.ClientID(), issuers: issuers, clock: clock, keys: keySet{newCached(client, clock, fetch)}}
}

// published fetches the keys from where the discovery document has them.
func (p *Provider) published(ctx context.Context) (published, error) {
	m, err := p.discovery.usable(ctx)
	if err != nil {
		return published{}, err
	}
	keys, err := fetchKeys(ctx, p.Client, m.JWKSURL)
	return published{keys, m.Algorithms}, err
}

// Verify returns the claims of an ID token that proves a log-in at this client,
// of this attempt. (OpenID Connect Core 1.0, section 3.1.3.7)
//
// CodeUnauthorized with the message "Authentication failed" and the reason
// id_token_missing, _malformed, _algorithm, _key, _signature, _issuer, _audience,
// _azp, _expired, _issued_at, _future, _old, _nonce, _at_hash or _subject;
// CodeUnavailable if the keys cannot be fetched.
func (v *Verifier) Verify(ctx context.Context, raw, accessToken, nonce string) (Claims, error) {
	if raw == "" {
		return nil, refused("missing")
	}
	token, err := v.authentic(ctx, raw)
	if err != nil {
		return nil, err
	}
	var claims Claims
	if token.Claims(&claims) != nil {
		return nil, refused("malformed")
	}
	if reason := v.judge(token, claims, nonce); reason != "" {
		return nil, refused(reason)
	}
	if token.AccessTokenHash != "" && token.VerifyAccessToken(accessToken) != nil {
		return nil, refused("at_hash")
	}
	return claims, nil
}

// authentic returns the token if it is signed by the provider. What it claims is
// not judged: go-oidc's own checks do not tell which of them failed.
func (v *Verifier) authentic(ctx context.Context, raw string) (*gooidc.IDToken, error) {
	if strings.Count(raw, ".") != 2 {
		return nil, refused("malformed") // the JSON form of RFC 7515 is none of RFC 7519
	}
	p, err := v.keys.cached.usable(ctx)
	if err != nil {
		return nil, err
	}
	keys := &remembering{KeySet: v.keys}
	token, err := gooidc.NewVerifier("", keys, &gooidc.Config{
		SkipIssuerCheck: true, SkipClientIDCheck: true, SkipExpiryCheck: true, SupportedSigningAlgs: p.algorithms,
	}).Verify(ctx, raw)
	var algorithm *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case err == nil:
		return token, nil
	case identity.CodeOf(keys.err) == identity.CodeUnavailable:
		return nil, keys.err
	case errors.Is(keys.err, errUnknownKey):
		return nil, refused("key")
	case keys.err != nil:
		return nil, refused("signature")
	}
	accepted := make([]jose.SignatureAlgorithm, len(p.algorithms))
	for n, name := range p.algorithms {
		accepted[n] = jose.SignatureAlgorithm(name)
	}
	if _, err = jose.ParseSignedCompact(raw, accepted); errors.As(err, &algorithm) {
		return nil, refused("algorithm")
	}
	return nil, refused("malformed")
}

// remembering keeps the error that go-oidc does not wrap.
type remembering struct {
	gooidc.KeySet
	err error
}

func (r *remembering) VerifySignature(ctx context.Context, token string) (payload []byte, err error) {
	payload, r.err = r.KeySet.VerifySignature(ctx, token)
	return payload, r.err
}

// judge returns why the claims are not of this log-in, or "".
func (v *Verifier) judge(t *gooidc.IDToken, c Claims, nonce string) string {
	var (
		now          = v.clock()
		azp, azpText = "", false
		_, hasAZP    = c["azp"]
	)
	azpText = json.Unmarshal(c["azp"], &azp) == nil
	switch {
	case !slices.Contains(v.issuers, t.Issuer):
		return "issuer"
	case !slices.Contains(t.Audience, v.clientID):
		return "audience"
	case hasAZP && (!azpText || azp != v.clientID), !hasAZP && len(t.Audience) > 1:
		return "azp"
	case !now.Before(t.Expiry):
		return "expired"
	case t.IssuedAt.IsZero():
		return "issued_at"
	case t.IssuedAt.After(now.Add(skew)):
		return "future"
	case t.IssuedAt.Before(now.Add(-oldest)):
		return "old"
	case nonce == "" || subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(nonce)) != 1:
		return "nonce"
	case t.Subject == "":
		return "subject"
	}
	return ""
}

func refused(reason string) error {
	return &identity.Error{Code: identity.CodeUnauthorized, Reason: "id_token_" + reason, Message: "Authentication failed"}
}
