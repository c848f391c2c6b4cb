package redisstore

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Each script begins with what it does, its keys and arguments and its replies.
// All reads come before the first write: Redis does not undo a script that fails.
var (
	//go:embed scripts/pending.lua
	pendingLua string
	//go:embed scripts/commit.lua
	commitLua string
	//go:embed scripts/abort.lua
	abortLua string
	//go:embed scripts/release.lua
	releaseLua string
	//go:embed scripts/replace.lua
	replaceLua string
	//go:embed scripts/link.lua
	linkLua string
	//go:embed scripts/unlink.lua
	unlinkLua string
	//go:embed scripts/open_reset.lua
	openResetLua string
	//go:embed scripts/close_reset.lua
	closeResetLua string
	//go:embed scripts/set_backend.lua
	setBackendLua string
	//go:embed scripts/finish_reset.lua
	finishResetLua string
	//go:embed scripts/add_note.lua
	addNoteLua string
	//go:embed scripts/add_commit.lua
	addCommitLua string
	//go:embed scripts/add_abort.lua
	addAbortLua string
	//go:embed scripts/remove_provider.lua
	removeProviderLua string
	//go:embed scripts/delete_bare.lua
	deleteBareLua string
	//go:embed scripts/take_event.lua
	takeEventLua string
	//go:embed scripts/return_event.lua
	returnEventLua string
	//go:embed scripts/revoke.lua
	revokeLua string
	//go:embed scripts/keep.lua
	keepLua string
	//go:embed scripts/revoke_others.lua
	revokeOthersLua string
	//go:embed scripts/list_session.lua
	listSessionLua string
	//go:embed scripts/see_session.lua
	seeSessionLua string
	//go:embed scripts/replace_session.lua
	replaceSessionLua string

	pendingScript     = redis.NewScript(pendingLua)
	commitScript      = redis.NewScript(commitLua)
	abortScript       = redis.NewScript(abortLua)
	releaseScript     = redis.NewScript(releaseLua)
	replaceScript     = redis.NewScript(replaceLua)
	linkScript        = redis.NewScript(linkLua)
	unlinkScript      = redis.NewScript(unlinkLua)
	openResetScript   = redis.NewScript(openResetLua)
	closeResetScript  = redis.NewScript(closeResetLua)
	setBackendScript  = redis.NewScript(setBackendLua)
	finishResetScript = redis.NewScript(finishResetLua)

	addNoteScript        = redis.NewScript(addNoteLua)
	addCommitScript      = redis.NewScript(addCommitLua)
	addAbortScript       = redis.NewScript(addAbortLua)
	removeProviderScript = redis.NewScript(removeProviderLua)
	deleteBareScript     = redis.NewScript(deleteBareLua)

	takeEventScript      = redis.NewScript(takeEventLua)
	returnEventScript    = redis.NewScript(returnEventLua)
	revokeScript         = redis.NewScript(revokeLua)
	keepScript           = redis.NewScript(keepLua)
	revokeOthersScript   = redis.NewScript(revokeOthersLua)
	listSessionScript    = redis.NewScript(listSessionLua)
	seeSessionScript     = redis.NewScript(seeSessionLua)
	replaceSessionScript = redis.NewScript(replaceSessionLua)
)

// run runs a script on keys of one slot.
func (s *Store) run(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	return script.Run(ctx, onceScripter{s.client}, keys, args...)
}

// ask runs a script that replies a number up to last.
func (s *Store) ask(ctx context.Context, last int, script *redis.Script, keys []string, args ...any) (int, error) {
	reply, err := s.run(ctx, script, keys, args...).Int()
	if err == nil && (reply < 0 || reply > last) {
		err = unexpected(reply)
	}
	return reply, err
}

// askStale runs a script that replies 0 for identity.ErrNotFound, 1 when it has done
// it, and 2 for identity.ErrStale.
func (s *Store) askStale(ctx context.Context, script *redis.Script, keys []string, args ...any) error {
	reply, err := s.ask(ctx, 2, script, keys, args...)
	switch {
	case err != nil:
		return err
	case reply == 0:
		return identity.ErrNotFound
	case reply == 2:
		return identity.ErrStale
	}
	return nil
}

// askBool runs a script that replies 1 or 0.
func (s *Store) askBool(ctx context.Context, script *redis.Script, keys []string, args ...any) (bool, error) {
	reply, err := s.ask(ctx, 1, script, keys, args...)
	return reply == 1, err
}

// onceScripter sends a script once. The client repeats a command whose reply got
// lost; a script that consumed a reset or replaced a credential would find its
// own work then and report that it failed.
type onceScripter struct{ scripter }

// scripter is a client or a pipeline.
type scripter interface {
	redis.Scripter
	Process(ctx context.Context, cmd redis.Cmder) error
}

func (c onceScripter) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return c.send(ctx, "evalsha", sha, keys, args)
}

func (c onceScripter) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return c.send(ctx, "eval", script, keys, args)
}

func (c onceScripter) send(ctx context.Context, name, script string, keys []string, args []any) *redis.Cmd {
	line := make([]any, 0, 3+len(keys)+len(args))
	line = append(line, name, script, len(keys))
	for _, key := range keys {
		line = append(line, key)
	}
	cmd := redis.NewCmd(ctx, append(line, args...)...)
	cmd.SetFirstKeyPos(3)
	_ = c.Process(ctx, onceCmd{cmd}) // the error is in cmd as well
	return cmd
}

type onceCmd struct{ *redis.Cmd }

// NoRetry implements redis.Cmder.
func (onceCmd) NoRetry() bool { return true }
