package caddymodule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// checkServers returns an error if something is wrong with one of the HTTP servers:
// what the check says of it, or "", and the hosts of the site where that is, if it
// is not the whole server.
func checkServers(ctx caddy.Context, check func(server *caddyhttp.Server) (wrong string, hosts []string)) error {
	loaded, err := ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil
	}
	if err != nil {
		return err
	}
	for name, server := range loaded.(*caddyhttp.App).Servers {
		wrong, hosts := check(server)
		if wrong == "" {
			continue
		}
		where := fmt.Sprintf("the server %s at %s", name, strings.Join(server.Listen, ", "))
		if len(hosts) > 0 {
			where = "the site " + strings.Join(hosts, ", ")
		}
		return fmt.Errorf("%s %s", where, wrong)
	}
	return nil
}

// hostsOf returns the hosts that a route is for.
func hostsOf(route caddyhttp.Route) (names []string) {
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			if host, ok := matcher.(*caddyhttp.MatchHost); ok {
				names = append(names, *host...)
			}
		}
	}
	return names
}
