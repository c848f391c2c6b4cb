package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// revokeCommand is `caddy auth-sidecar revoke`.
func revokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke " + whomUsage,
		Short: "Ends all sessions and tokens of somebody",
		Long: `Ends every session and access token of an identity, on all nodes, through the
admin endpoint of the Caddy that runs. The person may log in again.

Name the identity by its id (authid_…), by its actor (--actor-type customer
--actor-id cus_…), or by what a provider calls it (--provider emailpass
--entity jane@example.com).`,
		Args: cobra.NoArgs,
	}
	whomFlags(cmd)
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(runRevoke)
	return cmd
}

func runRevoke(flags caddycmd.Flags) (int, error) {
	var answer revokeAnswer
	if err := askAbout(flags, revokePath, &answer); err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	for _, id := range answer.Revoked {
		fmt.Println(id)
	}
	return caddy.ExitCodeSuccess, nil
}
