//go:build unix

package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

// The process dies after the receiver got the notification and before anybody
// could note that it did.
func TestKilledBetweenDeliveryAndAcknowledgement(t *testing.T) {
	t.Parallel()
	server := identitytest.StartRedis(t)
	q, client := newQueue(t, server.Addr())
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	killed := make(chan struct{})
	url, requests := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-killed:
		default:
			<-r.Context().Done() // no answer to the first process
		}
	})
	child := exec.Command(program)
	child.Env = append(os.Environ(), childRedis+"="+server.Addr(), childWebhook+"="+url)
	process := identitytest.StartProcess(t, child, func(line string) bool { return line == childReady })
	enqueue(t, q, "r1")
	first := <-requests
	process.Kill()
	close(killed)

	work := watch(q)
	stop := start(t, quick(notify.Config{Queue: work, Notifiers: one("webhook", webhook(t, notify.WebhookConfig{URL: url}))}))
	second := <-requests
	if first.body != second.body || first.header.Get("webhook-id") != second.header.Get("webhook-id") {
		t.Errorf("delivered\n%s, then\n%s", first.body, second.body)
	}
	work.await(1)
	wantNothingPending(t, client, "webhook")
	stop()
	if len(requests) != 0 {
		t.Errorf("%d deliveries too many", len(requests))
	}
}

func TestReceiverDownThenUp(t *testing.T) {
	t.Parallel()
	q, client := newQueue(t, miniredis.RunT(t).Addr())
	addr := fmt.Sprint("127.0.0.1:", identitytest.FreePort(t))
	hook := webhook(t, notify.WebhookConfig{URL: "http://" + addr})
	failed := make(chan error, 1000)
	work := watch(q)
	stop := start(t, quick(notify.Config{Queue: work, Notifiers: one("n", notifierFunc(
		func(ctx context.Context, n identity.Notification) error {
			err := hook.Notify(ctx, n)
			if err != nil {
				failed <- err
			}
			return err
		}))}))
	defer stop()
	enqueue(t, q, "r1")
	for range 3 {
		if err := <-failed; identity.ReasonOf(err) != "webhook_unreachable" {
			t.Errorf("got error %v", err)
		}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ids := make(chan string, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ids <- r.Header.Get("webhook-id")
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	defer s.Close()
	if id := <-ids; id != "r1" {
		t.Errorf("delivered %s", id)
	}
	work.await(1)
	wantNothingPending(t, client, "n")
	if len(ids) != 0 {
		t.Error("delivered twice")
	}
}

func TestRedisDownThenUp(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ begin, end func(*identitytest.Redis) }{
		"stopped": {func(r *identitytest.Redis) { r.Stop() }, (*identitytest.Redis).Restart},
		"killed":  {func(r *identitytest.Redis) { r.Kill() }, (*identitytest.Redis).Restart},
		"paused":  {func(r *identitytest.Redis) { r.Pause() }, func(r *identitytest.Redis) { r.Resume() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
			q, client := newQueue(t, server.Addr())
			log := &logs{written: make(chan struct{}, 1)}
			work := watch(q)
			begun, release, got := make(chan struct{}, 10), make(chan struct{}), make(channel, 10)
			c := quick(notify.Config{Queue: work, Logger: log.logger(), Concurrency: 2, Notifiers: one("n", notifierFunc(
				func(ctx context.Context, n identity.Notification) error {
					begun <- struct{}{}
					<-release
					return got.Notify(ctx, n)
				}))})
			c.AttemptTimeout, c.Lease = 10*time.Second, 20*time.Second
			stop := start(t, c)
			enqueue(t, q, "r1")
			<-begun
			entries, err := client.XRange(t.Context(), "auth:rq", "-", "+").Result()
			if err != nil || len(entries) != 1 {
				t.Fatalf("the queue holds %v (%v)", entries, err)
			}
			fault.begin(server)
			log.await("the reset queue does not work")
			if err := q.Enqueue(t.Context(), ask("r2", "r2@example.com")); identity.CodeOf(err) != identity.CodeUnavailable {
				t.Errorf("a request was accepted: %v", err)
			}
			close(release) // delivered while Redis cannot be told
			got.want(t, "r1")
			fault.end(server)
			log.await("the reset queue works again")
			enqueue(t, q, "r3")
			for n := <-got; n.ID != "r3"; n = <-got {
				if n.ID != "r2" { // a paused server may have kept what it could not confirm
					t.Errorf("%s was delivered", n.ID)
				}
			}
			for <-work.finished != "n "+entries[0].ID { // the queue learns of the delivery after all
			}
			stop()
			if log.count("the reset queue does not work") != log.count("the reset queue works again") {
				t.Errorf("more lines than changes:\n%s", log)
			}
		})
	}
}

func TestAcceptedBeforeARestart(t *testing.T) {
	t.Parallel()
	server := identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	q, client := newQueue(t, server.Addr())
	got := make(channel, 10)
	failing := make(chan struct{})
	stop := start(t, quick(notify.Config{Queue: q, Notifiers: one("n", notifierFunc(
		func(context.Context, identity.Notification) error {
			failing <- struct{}{}
			return errors.New("no")
		}))}))
	enqueue(t, q, "r1")
	<-failing
	<-failing
	go func() { // until the dispatcher ended
		for range failing {
		}
	}()
	stop()
	close(failing)
	enqueue(t, q, "r2")
	server.Kill()
	server.Restart()
	work := watch(q)
	stop = start(t, quick(notify.Config{Queue: work, Notifiers: one("n", got)}))
	defer stop()
	ids := map[string]bool{(<-got).ID: true, (<-got).ID: true}
	if !ids["r1"] || !ids["r2"] {
		t.Errorf("delivered %v", ids)
	}
	work.await(2)
	wantNothingPending(t, client, "n")
}
