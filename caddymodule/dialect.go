package caddymodule

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/dialectv1"
)

// The dialects: the wire forms of Medusa's major versions.
const (
	dialectV1 = "v1"
	dialectV2 = "v2"
)

func checkDialects(list []string) error {
	for n, dialect := range list {
		if dialect != dialectV1 && dialect != dialectV2 {
			return fmt.Errorf("dialect %q: use v1, v2 or both", dialect)
		}
		if slices.Contains(list[:n], dialect) {
			return fmt.Errorf("dialect %s is given twice", dialect)
		}
	}
	return nil
}

// speaks reports whether the site serves the dialect.
func (h *Handler) speaks(dialect string) bool {
	if len(h.Dialects) == 0 {
		return dialect == dialectV2
	}
	return slices.Contains(h.Dialects, dialect)
}

// provisionV1 readies the routes of the older dialect, if the site serves it.
func (h *Handler) provisionV1(ctx caddy.Context) error {
	if err := checkDialects(h.Dialects); err != nil {
		return err
	}
	if !h.speaks(dialectV1) {
		if h.Exists != "" {
			return fmt.Errorf("exists is an option of dialect v1: add \"dialect v2 v1\", or remove it")
		}
		return nil
	}
	if h.backend != nil && h.backend.legacy == nil {
		return fmt.Errorf("dialect v1 makes customers in a way that this backend does not know: put it in front of backend medusa_v1, or of an application without backend")
	}
	switch h.Exists {
	case "", "on", "off":
	default:
		return fmt.Errorf("exists %q: use on or off", h.Exists)
	}
	c := dialectv1.Config{
		Service: h.service, Tokens: h.realm.ring.V1(), Sessions: h.realm.sessions, Verifier: h.realm.verifier, SessionEnded: h.realm.revocations.session,
		Origins: h.origins, MaxBody: h.MaxBody, HTTPS: https, NoExists: h.Exists == "off",
		Both: h.speaks(dialectV2) && h.backend == nil, Legacy: h.backend != nil, Logger: ctx.Slogger(),
	}
	if h.realm.JWT != nil && h.realm.JWT.ExpiresIn != 0 {
		c.CustomerTTL = time.Duration(h.realm.JWT.ExpiresIn)
		c.UserTTL = c.CustomerTTL
	}
	var err error
	h.v1, err = dialectv1.New(c)
	return err
}

// inV1 says whether the path of a request is one at which the older dialect has
// routes.
func inV1(r *http.Request) place {
	found := elsewhere
	for _, p := range dialectv1.Paths {
		switch locate(r.URL, p) {
		case ambiguous:
			return ambiguous
		case belowPrefix:
			found = belowPrefix
		}
	}
	return found
}
