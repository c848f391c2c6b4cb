package notify

import (
	"context"
	"fmt"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Appender appends an entry of alternating field names and values to a durable
// log that others read.
type Appender interface {
	Append(ctx context.Context, fields ...string) error
}

// Stream appends notifications to a Redis stream, for a program of the shop
// that sends the mail. An entry has the fields
//
//	name        auth.password_reset
//	data        {"entity_id":"a@example.com","actor_type":"customer","token":"…","metadata":{},"provider":"emailpass"}
//	id          the same for every delivery of one notification
//	created_at  2026-11-21T16:33:34.307Z
//
// data is that of Medusa's event of the same name. A reader uses a consumer
// group of its own, and acknowledges an entry when the mail is on its way:
//
//	XGROUP CREATE auth:events mailer 0 MKSTREAM
//	XREADGROUP GROUP mailer worker-1 COUNT 10 BLOCK 5000 STREAMS auth:events >
//	XACK auth:events mailer <entry>
//
// XAUTOCLAIM finds what a crashed worker left behind. Delivery is at least
// once: a reader that minds must remember the ids it has seen.
//
// The stream holds tokens, each of which takes over an account until it is used
// or expires. Give nobody else read access to the key (Redis ACL), and delete
// entries that were handled (XDEL). Entries are trimmed by age, when the tokens
// in them have expired.
type Stream struct{ out Appender }

// NewStream makes a Stream that appends to out.
func NewStream(out Appender) *Stream { return &Stream{out} }

// Notify appends one entry.
func (s *Stream) Notify(ctx context.Context, n identity.Notification) error {
	data, err := encode(payloadOf(n))
	if err != nil {
		return err
	}
	err = s.out.Append(ctx, "name", n.Name, "data", string(data), "id", n.ID, "created_at", createdAt(n))
	if err != nil {
		return fmt.Errorf("appending to the event stream: %w", err)
	}
	return nil
}
