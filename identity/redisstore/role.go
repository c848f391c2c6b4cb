package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// errReplica says that what answers is a replica. It may be behind its master,
// and would still know what was revoked there.
var errReplica = errors.New("the server is a replica, not a master")

// refuseReplica keeps a new connection from being used when it leads to a
// replica: an address that was given to several servers, or a sentinel that has
// not heard of the last change of masters. Servers that do not say what they are
// (a managed one, a user who may not ask) are taken.
func refuseReplica(ctx context.Context, conn *redis.Conn) error {
	reply, err := conn.Do(ctx, "role").Slice()
	if _, refused := errors.AsType[redis.Error](err); refused {
		return nil
	}
	if err != nil {
		return err
	}
	if len(reply) > 0 && reply[0] == "slave" {
		return errReplica
	}
	return nil
}
