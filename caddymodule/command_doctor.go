package caddymodule

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

var errIll = errors.New("something is wrong with Redis; see above")

// doctorCommand is `caddy auth-sidecar doctor`.
func doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor [--config <path> [--adapter <name>]] [--envfile <path>]",
		Short: "Examines the Redis of every realm",
		Long: `
Connects to the Redis of every realm of the configuration and looks whether it
keeps what is written, can do what is asked of it, and is what the configuration
says: version, topology, eviction policy, memory, persistence, clock, replicas,
permissions, schema of the data, state of a cluster.

Ends with status 1 when something is wrong, or when a Redis cannot be asked. What
a managed Redis does not tell could not be checked, and is not wrong.

--config, --adapter and --envfile are as with caddy run. Placeholders are resolved
in the environment of this command, to which each --envfile adds the lines
KEY=VALUE of a file.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringP("config", "c", "", "Configuration file")
	cmd.Flags().StringP("adapter", "a", "", "Name of config adapter to apply")
	cmd.Flags().StringSliceP("envfile", "", []string{}, "Environment file(s) to load")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(flags caddycmd.Flags) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		files, err := flags.GetStringSlice("envfile")
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		if err := loadEnvFiles(files); err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		config, _, _, err := caddycmd.LoadConfig(flags.String("config"), flags.String("adapter"))
		if err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		if err := doctor(ctx, cmd.OutOrStdout(), config); err != nil {
			cmd.SilenceUsage = true
			return caddy.ExitCodeFailedStartup, err
		}
		return caddy.ExitCodeSuccess, nil
	})
	return cmd
}

// doctor examines the realms of a configuration and writes a report.
func doctor(ctx context.Context, out io.Writer, config []byte) error {
	var c struct {
		Apps struct {
			App App `json:"auth_sidecar"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	realms := c.Apps.App.Realms
	if len(realms) == 0 {
		return errors.New("the configuration has no auth_sidecar realm")
	}
	bridgeRedisLog()
	ill := false
	for _, name := range slices.Sorted(maps.Keys(realms)) {
		findings, err := examineRealm(ctx, name, realms[name])
		if _, printed := fmt.Fprintf(out, "realm %s\n", name); printed != nil {
			return printed
		}
		if err != nil {
			ill = true
			findings = []redisstore.Finding{{Check: "redis", Level: redisstore.Wrong, Detail: err.Error(), Remedy: remedyOf(err)}}
		}
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, f := range findings {
			ill = ill || f.Level == redisstore.Wrong
			_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", f.Level, f.Check, f.Server, f.Detail)
			if f.Remedy != "" {
				_, _ = fmt.Fprintf(table, "  \t\t\t-> %s\n", f.Remedy)
			}
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if ill {
		return errIll
	}
	return nil
}

// remedyOf says what to do about a Redis that could not be asked.
func remedyOf(err error) string {
	if _, asked := errors.AsType[*identity.Error](err); !asked {
		return "correct the option redis; its variables are those of this command and of the files that --envfile names"
	}
	switch identity.ReasonOf(err) {
	case "store_auth":
		return "correct user and password in the URL of the option redis"
	case "store_timeout":
		return "see whether the address is right and nothing keeps it from answering; a server without TLS leaves rediss:// waiting: then write redis://"
	case "store_disconnected":
		return "see whether it is up; a server that wants TLS hangs up on redis://: then write rediss://"
	case "store_error": // something answered
		return "correct the option redis: the server does not answer as the Redis that it describes"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "name the server as its certificate does, and the authority that signed it by ca_file"
	}
	return "start it, or correct the option redis"
}

func examineRealm(ctx context.Context, name string, realm *Realm) ([]redisstore.Finding, error) {
	if realm == nil {
		return nil, errors.New("it has no configuration")
	}
	conn, key, err := realm.Redis.connect(name)
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = connections.Delete(key) }()
	if conn.embedded != nil {
		return []redisstore.Finding{{Check: "redis", Detail: "embedded: in the memory of Caddy, for trying things out"}}, nil
	}
	if realm.Redis.KeyPrefix == "" {
		realm.Redis.KeyPrefix = defaultKeyPrefix(name)
	}
	options := redisstore.Options{Prefix: realm.Redis.KeyPrefix, Timeout: time.Duration(realm.Redis.Timeout)}
	if realm.Session != nil {
		options.SessionPrefix = realm.Session.KeyPrefix
	}
	store, err := redisstore.New(conn.client, options)
	if err != nil {
		return nil, err
	}
	return store.Examine(ctx, realm.Redis.examination())
}
