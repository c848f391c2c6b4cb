package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// revokeCommand asks the Caddy that runs, by its admin endpoint, as Caddy's own
// commands do: no secret is on the command line, and redis embedded works too.
func revokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke [--realm <name>] (--identity <id> | --actor-type <type> --actor-id <id> | --provider <id> --entity <name>)",
		Short: "Ends all sessions and tokens of somebody",
		Long: `Ends every session and access token of an identity, on all nodes, through the
admin endpoint of the Caddy that runs. The person may log in again.

Name the identity by its id (authid_…), by its actor (--actor-type customer
--actor-id cus_…), or by what a provider calls it (--provider emailpass
--entity jane@example.com).`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.String("realm", "", "The realm. Default: default")
	flags.String("identity", "", "The id of the identity")
	flags.String("actor-type", "", "The type of the actor")
	flags.String("actor-id", "", "The id of the actor")
	flags.String("provider", "", "The id of the provider")
	flags.String("entity", "", "What the provider calls the person: an e-mail address, or a third party's id")
	flags.String("address", "", "The address of the admin endpoint, if not the default")
	flags.StringP("config", "c", "", "The configuration file to find that address in")
	flags.StringP("adapter", "a", "", "Name of the config adapter to apply")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(runRevoke)
	return cmd
}

func runRevoke(flags caddycmd.Flags) (int, error) {
	request := revokeRequest{
		Realm: flags.String("realm"), IdentityID: flags.String("identity"),
		ActorType: flags.String("actor-type"), ActorID: flags.String("actor-id"),
		Provider: flags.String("provider"), Entity: flags.String("entity"),
	}
	if request.check() != nil {
		return caddy.ExitCodeFailedStartup, errors.New("name somebody by --identity, by --actor-type and --actor-id, or by --provider and --entity")
	}
	address, err := caddycmd.DetermineAdminAPIAddress(flags.String("address"), nil, flags.String("config"), flags.String("adapter"))
	if err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("couldn't determine admin API address: %w", err)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	response, err := caddycmd.AdminAPIRequest(address, http.MethodPost, revokePath, nil, bytes.NewReader(body))
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	defer response.Body.Close()
	var answer revokeAnswer
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("reading the answer of the admin endpoint: %w", err)
	}
	for _, id := range answer.Revoked {
		fmt.Println(id)
	}
	return caddy.ExitCodeSuccess, nil
}
