//go:build unix

package notify_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// Environment of this test program when it is a process to be killed.
const (
	childRedis   = "NOTIFY_TEST_REDIS"
	childWebhook = "NOTIFY_TEST_WEBHOOK"
	childReady   = "dispatching"
)

func TestMain(m *testing.M) {
	if os.Getenv(childRedis) != "" {
		fmt.Fprintln(os.Stderr, dispatch())
		os.Exit(1)
	}
	redis.SetLogger(quiet{}) // it reports every connection that fails
	goleak.VerifyTestMain(m)
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// dispatch is the process to be killed.
func dispatch() error {
	hook, err := notify.NewWebhook(notify.WebhookConfig{
		URL: os.Getenv(childWebhook), Secrets: []identity.Secret{identity.NewSecret(rawSecret)}, Timeout: time.Hour,
	})
	if err != nil {
		return err
	}
	d, err := notify.New(notify.Config{
		Queue: redisstore.NewQueue(connect(os.Getenv(childRedis)), "", time.Minute), Issue: issue,
		Notifiers: one("webhook", hook), Logger: slog.Default(),
		AttemptTimeout: time.Hour, Lease: 2 * time.Hour, // it makes one attempt
	})
	if err != nil {
		return err
	}
	fmt.Println(childReady)
	return d.Run(context.Background())
}

// quick makes retries short enough to wait for. A lease must still be longer
// than a busy machine stops a process.
func quick(c notify.Config) notify.Config {
	c.FirstRetry, c.PollEvery = time.Millisecond, time.Millisecond
	c.AttemptTimeout, c.Lease = time.Second, 2*time.Second
	return c
}

func connect(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: addr, ContextTimeoutEnabled: true, ReadTimeout: time.Second, MaxRetries: -1,
	})
}

func newQueue(t *testing.T, addr string) (*redisstore.Queue, *redis.Client) {
	t.Helper()
	client := connect(addr)
	t.Cleanup(func() { _ = client.Close() })
	return redisstore.NewQueue(client, "", time.Minute), client
}

func enqueue(t *testing.T, q *redisstore.Queue, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := q.Enqueue(t.Context(), ask(id, id+"@example.com")); err != nil {
			t.Fatal(err)
		}
	}
}

// watched is a queue that tells with what it is done, as `<group> <entry>`.
type watched struct {
	notify.Queue
	finished chan string
}

func watch(q notify.Queue) watched { return watched{q, make(chan string, 1000)} }

func (w watched) Done(ctx context.Context, group, id string) error {
	err := w.Queue.Done(ctx, group, id)
	if err == nil {
		w.finished <- group + " " + id
	}
	return err
}

// await waits until n deliveries were acknowledged.
func (w watched) await(n int) {
	for range n {
		<-w.finished
	}
}

// wantNothingPending looks whether everything was acknowledged.
func wantNothingPending(t *testing.T, client *redis.Client, groups ...string) {
	t.Helper()
	for _, group := range groups {
		if p, err := client.XPending(t.Context(), "auth:rq", group).Result(); err != nil || p.Count != 0 {
			t.Errorf("group %s has %+v pending (%v)", group, p, err)
		}
	}
}

// channel is a notifier that passes on what it gets.
type channel chan identity.Notification

func (c channel) Notify(_ context.Context, n identity.Notification) error {
	c <- n
	return nil
}

func (c channel) want(t *testing.T, id string) {
	t.Helper()
	if n := <-c; n.ID != id || n.EntityID != id+"@example.com" || n.Token.Reveal() != "token-of-"+id {
		t.Errorf("got %+v, want that of request %s", n, id)
	}
}

func TestEveryNotifierGetsEveryRequest(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) string{
		"miniredis":    func(t *testing.T) string { return miniredis.RunT(t).Addr() },
		"redis-server": func(t *testing.T) string { return identitytest.StartRedis(t).Addr() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyNotifier(t, start(t))
		})
	}
}

func everyNotifier(t *testing.T, addr string) {
	q, client := newQueue(t, addr)
	url, posted := receiver(t, status(http.StatusOK))
	log, linkLog := new(logs), new(logs)
	seen := make(channel, 10)
	enqueue(t, q, "r1") // before any group exists
	if err := q.Enqueue(t.Context(), ask("r2", "nobody")); err != nil {
		t.Fatal(err)
	}
	groups := []string{"log", "stream", "webhook", "test"}
	work := watch(q)
	stop := start(t, notify.Config{Queue: work, Logger: log.logger(), Notifiers: []notify.Named{
		{Name: groups[0], Notifier: notify.NewLog(linkLog.logger(), "http://localhost/reset?token=")},
		{Name: groups[1], Notifier: notify.NewStream(redisstore.NewEvents(client, "auth:events", 15*time.Minute))},
		{Name: groups[2], Notifier: webhook(t, notify.WebhookConfig{URL: url})},
		{Name: groups[3], Notifier: seen},
	}})
	enqueue(t, q, "r3")
	work.await(3 * len(groups))
	wantNothingPending(t, client, groups...)
	stop()

	events, err := client.XRange(t.Context(), "auth:events", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string][]string{"log": strings.Split(linkLog.String(), "\n")[1:3]}
	for _, e := range events {
		told["stream"] = append(told["stream"], fmt.Sprint(e.Values["id"], e.Values["data"]))
	}
	for range len(posted) {
		told["webhook"] = append(told["webhook"], (<-posted).body)
	}
	for range len(seen) {
		told["test"] = append(told["test"], (<-seen).Token.Reveal())
	}
	for _, group := range groups {
		text := strings.Join(told[group], "\n")
		if len(told[group]) != 2 || strings.Count(text, "token-of-r1") != 1 || strings.Count(text, "token-of-r3") != 1 {
			t.Errorf("%s got %q", group, text)
		}
	}
	if strings.Contains(log.String(), "token-of") {
		t.Errorf("the log holds a token:\n%s", log)
	}
	// What the queue holds at rest is no token. (reference attacks, G5)
	entries, err := client.XRange(t.Context(), "auth:rq", "-", "+").Result()
	if err != nil || len(entries) != 3 || strings.Contains(fmt.Sprint(entries), "token-of") {
		t.Errorf("the queue holds %v (%v)", entries, err)
	}
}

func TestTwoDispatchersShareTheWork(t *testing.T) {
	t.Parallel()
	server := identitytest.StartRedis(t)
	q, client := newQueue(t, server.Addr())
	const requests = 200
	got := make(channel, 2*requests)
	work := watch(nil)
	for range 2 {
		own, _ := newQueue(t, server.Addr())
		stop := start(t, notify.Config{
			Queue: watched{own, work.finished}, PollEvery: time.Millisecond, Notifiers: one("n", got),
		})
		defer stop()
	}
	for i := range requests {
		enqueue(t, q, fmt.Sprint("r", i))
	}
	work.await(requests)
	wantNothingPending(t, client, "n")
	seen := make(map[string]bool)
	for range requests {
		n := <-got
		if seen[n.ID] {
			t.Errorf("%s was delivered twice", n.ID)
		}
		seen[n.ID] = true
	}
	if len(got) != 0 {
		t.Errorf("%d deliveries too many", len(got))
	}
}
