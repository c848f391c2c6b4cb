package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// decodePushed returns what the script that lists a session replies: its code, and
// the sessions that must end. Those that cannot be read have an id alone.
func decodePushed(reply []any) (code int64, pushed []identity.SessionEntry, err error) {
	if len(reply)%2 == 0 {
		return 0, nil, unexpected(reply)
	}
	code, ok := reply[0].(int64)
	if !ok || code < 0 || code > 2 {
		return 0, nil, unexpected(reply[0])
	}
	for pairs := reply[1:]; len(pairs) > 0; pairs = pairs[2:] {
		id, _ := pairs[0].(string)
		value, _ := pairs[1].(string)
		e, err := decodeListed(id, value)
		if err != nil {
			e = identity.SessionEntry{ID: id}
		}
		pushed = append(pushed, e)
	}
	return code, pushed, nil
}

// endPushed deletes the records of sessions and takes them off the list, as well as
// it can, and returns the ids in the cookie of those it ended. One without a record
// stays for a while: it may be about to be written.
func (s *Store) endPushed(ctx context.Context, id string, pushed []identity.SessionEntry) (ended []string) {
	if len(pushed) == 0 {
		return nil
	}
	replies := make([]*redis.IntCmd, len(pushed))
	_, _ = s.client.Pipelined(ctx, func(p redis.Pipeliner) error { // the errors are in the replies
		for n, e := range pushed {
			if e.SID != "" {
				replies[n] = p.Del(ctx, s.keys.session(e.SID))
			}
		}
		return nil
	})
	now := s.clock()
	var gone []string
	for n, e := range pushed {
		switch reply := replies[n]; {
		case reply == nil:
			gone = append(gone, e.ID)
		case reply.Err() != nil:
		case reply.Val() == 1:
			ended, gone = append(ended, e.SID), append(gone, e.ID)
		case now.Sub(e.UsedAt) > listedGrace:
			gone = append(gone, e.ID)
		}
	}
	if len(gone) > 0 {
		_ = s.client.HDel(ctx, s.keys.list(id), gone...).Err() // the next to list one does it
	}
	return ended
}
