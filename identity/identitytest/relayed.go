package identitytest

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2/proto"
)

// maxUnanswered is how many commands a client may send on one connection before it
// reads a reply: a pipeline. Beyond it the client waits.
const maxUnanswered = 1024

// relayed is one connection through a Relay.
type relayed struct {
	relay          *Relay
	client, server *net.TCPConn
	ended          chan struct{}
	end            func(reset bool) // of both sides

	asked   chan *exchange // in the order of the commands, which is that of the replies
	awaited chan *exchange // those of them that the server answers
	writing sync.Mutex     // what goes to the client
}

// exchange is a command that waits for its reply.
type exchange struct {
	fate    Fate
	changed <-chan struct{}
	reply   chan string
}

func newRelayed(r *Relay, client, server *net.TCPConn) *relayed {
	c := &relayed{
		relay: r, client: client, server: server, ended: make(chan struct{}),
		asked: make(chan *exchange, maxUnanswered), awaited: make(chan *exchange, maxUnanswered),
	}
	var once sync.Once
	c.end = func(reset bool) {
		once.Do(func() {
			if reset {
				_ = client.SetLinger(0) // RST instead of FIN
			}
			_ = client.Close()
			_ = server.Close()
			close(c.ended)
		})
	}
	return c
}

func (c *relayed) run() {
	var all sync.WaitGroup
	defer all.Wait()
	defer c.end(false)
	all.Go(c.replies)
	all.Go(c.answer)
	c.commands()
}

// commands passes on what the client says, until it says no more.
func (c *relayed) commands() {
	from := bufio.NewReader(c.client)
	for {
		frame, err := proto.Read(from)
		if err != nil {
			return
		}
		command := words(frame)
		x := &exchange{reply: make(chan string, 1)}
		x.fate, x.changed = c.relay.decide(command)
		if x.fate.Reset == BeforeCommand {
			c.end(true)
			return
		}
		pushed := len(command) > 0 && strings.Contains(command[0], "SUBSCRIBE") // the reply is not in turn
		if x.fate.Reply != "" {
			x.reply <- x.fate.Reply + "\r\n"
			pushed = false
		}
		if !pushed && !c.queue(c.asked, x) {
			return
		}
		if x.fate.Reply != "" || x.fate.Vanish {
			continue
		}
		if !pushed && !c.queue(c.awaited, x) {
			return
		}
		if _, err := c.server.Write([]byte(frame)); err != nil {
			return
		}
	}
}

func (c *relayed) queue(to chan *exchange, x *exchange) bool {
	select {
	case to <- x:
		return true
	case <-c.ended:
		return false
	}
}

// replies gives each reply of the server to the exchange that it belongs to.
func (c *relayed) replies() {
	defer c.end(false)
	from := bufio.NewReader(c.server)
	for {
		frame, err := proto.Read(from)
		if err != nil {
			return
		}
		if frame[0] != '>' { // a push belongs to none
			select {
			case x := <-c.awaited:
				x.reply <- frame
				continue
			default: // a push of RESP 2
			}
		}
		if !c.write(frame) {
			return
		}
	}
}

// answer writes the replies in their order.
func (c *relayed) answer() {
	defer c.end(false)
	for {
		var x *exchange
		select {
		case x = <-c.asked:
		case <-c.ended:
			return
		}
		if x.fate.Vanish {
			select {
			case <-x.changed:
				c.end(true)
			case <-c.ended:
			}
			return
		}
		var reply string
		select {
		case reply = <-x.reply:
		case <-c.ended:
			return
		}
		if x.fate.Replied != nil {
			x.fate.Replied()
		}
		if x.fate.Delay > 0 {
			select {
			case <-time.After(x.fate.Delay):
			case <-x.changed:
			case <-c.ended:
				return
			}
		}
		switch x.fate.Reset {
		case InReply:
			_ = c.write(reply[:len(reply)/2])
			c.end(true)
			return
		case BeforeReply:
			c.end(true)
			return
		}
		if !c.write(reply) {
			return
		}
	}
}

func (c *relayed) write(frame string) bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.client.Write([]byte(frame))
	return err == nil
}
