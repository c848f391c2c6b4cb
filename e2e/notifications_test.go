//go:build unix

package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// webhookSecret is made as the Standard Webhooks specification asks.
const webhookSecret = "whsec_ZTJlLXdlYmhvb2stc2VjcmV0LW9mLTMyLWJ5dGVzIQ=="

// deliveryLimit is how long a notification may take. Only one that never comes
// reaches it.
const deliveryLimit = time.Minute

// delivery is a request of the webhook notifier, as it came.
type delivery struct {
	Headers map[string]string `json:"headers"` // names in lower case
	Body    string            `json:"body"`
}

// webhook is a receiver that believes everything; whoever asks for a delivery
// has to check its signature.
type webhook struct {
	server     *httptest.Server
	deliveries chan delivery
}

func startWebhook(t *testing.T) *webhook {
	t.Helper()
	h := &webhook{deliveries: make(chan delivery, 100)}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		d := delivery{Headers: make(map[string]string), Body: string(body)}
		for name := range r.Header {
			d.Headers[strings.ToLower(name)] = r.Header.Get(name)
		}
		h.deliveries <- d
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(h.server.Close)
	return h
}

// eventReader reads what a shop's notifiers deliver.
type eventReader struct {
	hook   *webhook
	client *redis.Client
}

// webhook returns the next delivery, which must be for that address: the
// sidecar tells nobody of an address that it does not know.
func (e *eventReader) webhook(t *testing.T, email string) delivery {
	t.Helper()
	select {
	case d := <-e.hook.deliveries:
		if !strings.Contains(d.Body, email) {
			t.Fatalf("this delivery is not for %s: %s", email, d.Body)
		}
		return d
	case <-time.After(deliveryLimit):
		t.Fatalf("the webhook was not called for %s", email)
		return delivery{}
	}
}

// stream returns the entry for that address, for which it waits.
func (e *eventReader) stream(t *testing.T, email string) map[string]any {
	t.Helper()
	last, late := "0", time.After(deliveryLimit)
	for {
		if found := e.entries(t, email); len(found) > 0 {
			return found[0]
		}
		streams, err := e.client.XRead(t.Context(), &redis.XReadArgs{
			Streams: []string{eventStream, last}, Block: time.Second,
		}).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		for _, s := range streams {
			last = s.Messages[len(s.Messages)-1].ID
		}
		select {
		case <-late:
			t.Fatalf("the stream has nothing for %s", email)
		default:
		}
	}
}

// eventStream is where the notifier `stream` writes unless it is told otherwise.
const eventStream = "auth:events"

// entries returns what the stream has for that address.
func (e *eventReader) entries(t *testing.T, email string) []map[string]any {
	t.Helper()
	messages, err := e.client.XRange(t.Context(), eventStream, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	var found []map[string]any
	for _, m := range messages {
		var data struct {
			EntityID string `json:"entity_id"`
		}
		text, _ := m.Values["data"].(string)
		if err := json.Unmarshal([]byte(text), &data); err != nil {
			t.Fatalf("entry %s: %v", m.ID, err)
		}
		if data.EntityID == email {
			found = append(found, m.Values)
		}
	}
	return found
}

func connect(t *testing.T, r *identitytest.Redis) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}
