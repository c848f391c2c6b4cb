package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// The fields of the key that describes the data as a whole.
const (
	metaSchema    = "schema"     // the version of the records
	metaMinReader = "min_reader" // the oldest version that may read and write them
)

// markedSchema says that this process has seen the mark.
type markedSchema struct{ atomic.Bool }

// markSchema writes which schema the data has, before the first identity that
// this process creates, and refuses to write among data that needs a newer
// version.
func (s *Store) markSchema(ctx context.Context) error {
	if s.marked.Load() {
		return nil
	}
	var minReader *redis.StringCmd
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSetNX(ctx, s.keys.meta(), metaSchema, schema)
		p.HSetNX(ctx, s.keys.meta(), metaMinReader, schema)
		minReader = p.HGet(ctx, s.keys.meta(), metaMinReader)
		return nil
	})
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(minReader.Val())
	if err != nil {
		return corrupt(err)
	}
	if n > schema {
		return identity.Unavailable("store_schema", fmt.Errorf("the data needs version %d, this is %d", n, schema))
	}
	s.marked.Store(true)
	return nil
}
