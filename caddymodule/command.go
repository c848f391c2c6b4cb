package caddymodule

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "auth-sidecar",
		Short: "Looks after the identities of the authentication sidecar",
		CobraFunc: func(root *cobra.Command) {
			root.AddCommand(doctorCommand(), revokeCommand(), unlockCommand())
		},
	})
}
