package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/oauth2"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Endpoint is where a provider sends browsers to, and where it takes codes.
type Endpoint struct {
	Auth, Token string
	// ClientAuth is Basic or Post.
	ClientAuth ClientAuth
	Scopes     []string
}

func (c *Client) config(e Endpoint, a identity.Attempt) *oauth2.Config {
	style := oauth2.AuthStyleInHeader
	if e.ClientAuth == Post {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: c.clientID, ClientSecret: c.secret.Reveal(), RedirectURL: a.CallbackURL, Scopes: e.Scopes,
		// Never detected by trying: a code that was sent once is used up.
		Endpoint: oauth2.Endpoint{AuthURL: e.Auth, TokenURL: e.Token, AuthStyle: style},
	}
}

// Location returns the address to which the browser is sent, with a PKCE
// challenge and the attempt's state, and its nonce if that is asked for.
func (c *Client) Location(e Endpoint, state string, a identity.Attempt, nonce bool) (string, error) {
	if state == "" || a.Verifier.Empty() || a.CallbackURL == "" || nonce && a.Nonce == "" {
		return "", errors.New("making a provider's address: the attempt is incomplete")
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.Verifier.Reveal())}
	if nonce {
		options = append(options, oauth2.SetAuthURLParam("nonce", a.Nonce))
	}
	return c.config(e, a).AuthCodeURL(state, options...), nil
}

// Exchange gives the code, with the attempt's verifier, for tokens.
// CodeUnauthorized if the provider refuses, CodeUnavailable if it gave no usable
// answer.
func (c *Client) Exchange(ctx context.Context, e Endpoint, code string, a identity.Attempt) (*oauth2.Token, error) {
	if a.Verifier.Empty() {
		return nil, errors.New("exchanging a code: the attempt is incomplete")
	}
	ctx, cancel := c.Bounded(ctx)
	defer cancel()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.http)
	token, err := c.config(e, a).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier.Reveal()))
	if err == nil {
		return token, nil
	}
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return nil, refused(refusal)
	}
	if ctx.Err() != nil { // the library does not wrap what broke while it read the body
		return nil, unavailable(ctx.Err())
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return nil, unavailable(err)
	}
	return nil, Unusable("no token answer of RFC 6749, or it broke off")
}

// refused is the error for a provider that does not take the code. The message is
// Medusa's; an error that came with 200, as GitHub sends it, gets the status that
// RFC 6749 has for it.
func refused(r *oauth2.RetrieveError) error {
	status := r.Response.StatusCode
	if status < 400 {
		status = http.StatusBadRequest
	}
	reason := "code_refused"
	if slices.Contains(ownFaults, r.ErrorCode) {
		reason = "client_refused"
	}
	return &identity.Error{
		Code: identity.CodeUnauthorized, Reason: reason,
		Message: fmt.Sprintf("Could not exchange token, %d, %s", status, cmp.Or(http.StatusText(status), "Unknown")),
	}
}

// ownFaults are errors that say that the client is not configured as it is
// registered, and not that a code is wrong (RFC 6749, section 5.2; GitHub,
// "Troubleshooting OAuth app access token request errors").
var ownFaults = []string{
	"invalid_client", "unauthorized_client", "unsupported_grant_type", "incorrect_client_credentials", "redirect_uri_mismatch",
}
