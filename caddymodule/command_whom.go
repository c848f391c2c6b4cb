package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// whomUsage is the part of a command's usage that whomFlags parse.
const whomUsage = "[--realm <name>] (--identity <id> | --actor-type <type> --actor-id <id> | --provider <id> --entity <name>)"

// whomFlags are the flags of commands that ask the Caddy that runs to do something
// about somebody.
func whomFlags(cmd *cobra.Command) {
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
}

// askAbout sends whom the flags name to the admin endpoint, as Caddy's own commands
// do: no secret is on the command line, and redis embedded works too.
func askAbout(flags caddycmd.Flags, path string, answer any) error {
	request := whom{
		Realm: flags.String("realm"), IdentityID: flags.String("identity"),
		ActorType: flags.String("actor-type"), ActorID: flags.String("actor-id"),
		Provider: flags.String("provider"), Entity: flags.String("entity"),
	}
	if request.check() != nil {
		return errors.New("name somebody by --identity, by --actor-type and --actor-id, or by --provider and --entity")
	}
	address, err := caddycmd.DetermineAdminAPIAddress(flags.String("address"), nil, flags.String("config"), flags.String("adapter"))
	if err != nil {
		return fmt.Errorf("couldn't determine admin API address: %w", err)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	response, err := caddycmd.AdminAPIRequest(address, http.MethodPost, path, nil, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("reading the answer of the admin endpoint: %w", err)
	}
	return nil
}
