package oidc

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"golang.org/x/oauth2"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// Profile implements identity.Redirector. What it says of a refusal is for the
// log; the client always reads "Authentication failed", or that the exchange
// failed.
func (p *Provider) Profile(ctx context.Context, code string, a identity.Attempt) (identity.Profile, error) {
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	m, err := p.discovery.usable(ctx)
	if err != nil {
		return identity.Profile{}, err
	}
	token, err := p.Exchange(ctx, p.endpoint(m), code, a)
	if err != nil {
		return identity.Profile{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	claims, err := p.verifier.Verify(ctx, raw, token.AccessToken, a.Nonce)
	if err != nil {
		return identity.Profile{}, err
	}
	subject := claims.Text("sub")
	if claims.Text("email") == "" && m.UserInfoURL != "" && slices.Contains(p.scopes, "email") {
		if claims, err = p.userInfo(ctx, m.UserInfoURL, token, subject); err != nil {
			return identity.Profile{}, err
		}
	}
	verified := claims.VerifiedEmail()
	if err := p.AdmitEmail(verified); err != nil {
		return identity.Profile{}, err
	}
	return identity.Profile{Subject: subject, UserMetadata: claims.UserMetadata(), VerifiedEmail: verified}, nil
}

// userInfo asks for the claims of a provider that keeps ID tokens small, as
// OpenID Connect Core 1.0, section 5.4, permits.
func (p *Provider) userInfo(ctx context.Context, address string, token *oauth2.Token, subject string) (Claims, error) {
	var claims Claims
	status, err := p.GetJSON(ctx, address, http.Header{"Authorization": {"Bearer " + token.AccessToken}}, &claims)
	switch {
	case err != nil:
		return nil, err
	case status != http.StatusOK:
		return nil, oauth.Unusable("status " + strconv.Itoa(status) + " for userinfo")
	case claims == nil:
		return nil, oauth.Unusable("null for userinfo")
	case claims.Text("sub") != subject: // section 5.3.2: or it may be about somebody else
		return nil, &identity.Error{Code: identity.CodeUnauthorized, Reason: "userinfo_subject", Message: "Authentication failed"}
	}
	return claims, nil
}
