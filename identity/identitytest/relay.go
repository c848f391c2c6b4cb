package identitytest

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Relay is the network between clients and a Redis server, for one test. It reads
// what passes (RESP 2 and 3), so that a single command or reply can go wrong.
// Its methods may be called by any goroutine.
type Relay struct {
	port int

	mu       sync.Mutex
	server   string
	listener net.Listener // nil while connections are refused
	conns    map[*relayed]bool
	fate     func(command []string) Fate
	changed  chan struct{} // closed when fate is replaced
	closed   bool
	done     sync.WaitGroup
}

// Fate is what becomes of a command. The zero value lets it pass, and its reply.
type Fate struct {
	// Reply is what the client gets while the server learns nothing: a reply as it
	// is on the wire, without the end of its line: "-LOADING data".
	Reply string
	// Vanish: nothing is heard of the command, by neither side, and the connection
	// stays open. It is reset when the next fate is set.
	Vanish bool
	// Delay is how much later the reply comes, and those behind it; the next fate
	// ends the waiting.
	Delay time.Duration
	// Replied, if set, is called when the server's reply is there, before Delay and
	// Reset.
	Replied func()
	// Reset is where the connection is reset.
	Reset Reset
}

// Reset is a place at which a connection is reset.
type Reset int

// The places: before the command reaches the server, after the server has carried
// it out and before its reply, and in the middle of that.
const (
	NoReset Reset = iota
	BeforeCommand
	BeforeReply
	InReply
)

// StartRelay makes a way to the server at that address, on which nothing goes
// wrong yet. It ends with the test.
func StartRelay(t testing.TB, server string) *Relay {
	t.Helper()
	r := &Relay{server: server, port: FreePort(t), conns: make(map[*relayed]bool), changed: make(chan struct{})}
	if err := r.accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.Refuse()
		r.done.Wait()
	})
	return r
}

// Addr returns the host and port at which clients are taken.
func (r *Relay) Addr() string { return loopback(r.port) }

// URL returns the address as a redis:// URL of database 0.
func (r *Relay) URL() string { return "redis://" + r.Addr() + "/0" }

// Set decides about every command that comes from now on; nil lets all pass. The
// function is called for one command at a time, its name in capitals.
func (r *Relay) Set(fate func(command []string) Fate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fate = fate
	close(r.changed)
	r.changed = make(chan struct{})
}

// Cut ends every connection in good order: a client that waits for nothing learns
// of it when it uses the connection the next time.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.end(false)
	}
}

// Lead leads connections to the server at another address from now on, and resets
// those that there are.
func (r *Relay) Lead(server string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server = server
	for c := range r.conns {
		c.end(true)
	}
}

// Refuse resets every connection and takes no further ones.
func (r *Relay) Refuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != nil {
		_ = r.listener.Close()
		r.listener = nil
	}
	for c := range r.conns {
		c.end(true)
	}
}

// Accept takes connections again after Refuse.
func (r *Relay) Accept(t testing.TB) {
	t.Helper()
	if err := r.accept(); err != nil {
		t.Fatal(err)
	}
}

func (r *Relay) accept() error {
	listener, err := net.Listen("tcp4", r.Addr())
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener = listener
	r.done.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.done.Go(func() { r.serve(client.(*net.TCPConn)) })
		}
	})
	return nil
}

func (r *Relay) serve(client *net.TCPConn) {
	r.mu.Lock()
	leads := r.server
	r.mu.Unlock()
	server, err := net.Dial("tcp4", leads)
	if err != nil {
		_ = client.SetLinger(0)
		_ = client.Close()
		return
	}
	c := newRelayed(r, client, server.(*net.TCPConn))
	r.mu.Lock()
	if r.listener == nil || r.closed || r.server != leads { // it was refused meanwhile
		r.mu.Unlock()
		c.end(true)
		return
	}
	r.conns[c] = true
	r.mu.Unlock()
	c.run()
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
}

// decide says what becomes of a command, and returns what is closed when the fate
// of commands changes.
func (r *Relay) decide(command []string) (Fate, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fate == nil {
		return Fate{}, r.changed
	}
	return r.fate(command), r.changed
}

// words splits a command as it is on the wire.
func words(frame string) []string {
	var found []string
	for rest := frame; ; {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			break
		}
		length, after, _ := strings.Cut(rest[i+1:], "\r\n")
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n > len(after) {
			break
		}
		found = append(found, after[:n])
		rest = after[n:]
	}
	if len(found) > 0 {
		found[0] = strings.ToUpper(found[0])
	}
	return found
}
