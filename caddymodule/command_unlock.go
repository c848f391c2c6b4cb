package caddymodule

import (
	"fmt"
	"os"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// unlockCommand is `caddy auth-sidecar unlock`.
func unlockCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unlock " + whomUsage,
		Short: "Lets somebody log in again whom guesses keep out",
		Long: `Empties the limits on guesses at an account (account, network, device and
devices), for whoever tries it from wherever, through the admin endpoint of the
Caddy that runs: who knows the password gets in at once, without delay. Nobody
is logged out, and no password changes. Whoever guesses may begin anew.

Name the identity by its id (authid_…), by its actor (--actor-type customer
--actor-id cus_…), or by what a provider calls it (--provider emailpass
--entity jane@example.com), which also takes an address whose account has not
moved over from a backend yet.

Prints the ids of those who were unlocked, and how many limits were in use. Where
none was, another one keeps the person out, such as that of their own address:
the log says which, as reason and limit.`,
		Args: cobra.NoArgs,
	}
	whomFlags(cmd)
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(runUnlock)
	return cmd
}

func runUnlock(flags caddycmd.Flags) (int, error) {
	var answer unlockAnswer
	if err := askAbout(flags, unlockPath, &answer); err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	for _, id := range answer.Unlocked {
		fmt.Println(id)
	}
	_, _ = fmt.Fprintf(os.Stderr, "limits that were in use: %d\n", answer.Emptied)
	return caddy.ExitCodeSuccess, nil
}
