//go:build unix

package faults

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// belief is what is known about something that was written: certainly so, certainly
// not, or either, because nobody heard whether it was done, or it is done later.
type belief struct{ yes, no bool }

var (
	certain = belief{yes: true}
	never   = belief{no: true}
	maybe   = belief{yes: true, no: true}
)

// grant is a token or a session.
type grant struct {
	what   string
	header []string
	good   belief
}

// account is what one client knows about its account.
type account struct {
	email                string
	registered, customer belief
	// passwords has the one that is right: the first, if nothing that was left open
	// was done, or a later one.
	passwords []string
	grants    []*grant
	told      []string // what the client asked and was answered, for the report
}

// ledger takes down what the clients were told, and what contradicts it.
type ledger struct {
	mu           sync.Mutex
	accounts     []*account
	acknowledged map[string]int // by kind of write
	ambiguous    map[string]int
	reads        int
	wrong        []string // what is not as it must be
}

func newLedger() *ledger {
	return &ledger{acknowledged: make(map[string]int), ambiguous: make(map[string]int)}
}

func (l *ledger) open(email string) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &account{email: email, registered: never, customer: never}
	l.accounts = append(l.accounts, a)
	return a
}

// write takes down a write that was acknowledged, or was not heard of again.
func (l *ledger) write(kind string, acknowledged bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if acknowledged {
		l.acknowledged[kind]++
	} else {
		l.ambiguous[kind]++
	}
}

func (l *ledger) read() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
}

func (l *ledger) contradiction(a *account, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, a.email+": "+fmt.Sprintf(format, args...)+"\n"+strings.Join(a.told, "\n"))
}

// kinds are those of the writes.
var kinds = []string{"register", "link", "session", "log-out", "password"}

// least returns how often the write was acknowledged that was so least often.
func (l *ledger) least(of ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.acknowledged[of[0]]
	for _, kind := range of {
		n = min(n, l.acknowledged[kind])
	}
	return n
}

func (l *ledger) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := func(of map[string]int) (n int) {
		for _, count := range of {
			n += count
		}
		return n
	}
	return fmt.Sprintf("%d accounts, %d writes acknowledged %v, %d left open %v, %d answers to log-ins and credentials; lost or undone: %d",
		len(l.accounts), sum(l.acknowledged), l.acknowledged, sum(l.ambiguous), l.ambiguous, l.reads, len(l.wrong))
}

// worked takes down that a password logged in: those before it are no more.
func (a *account) worked(password string) (was bool) {
	i := slices.Index(a.passwords, password)
	if i < 0 {
		return false
	}
	a.passwords = a.passwords[i:]
	a.registered = certain
	return true
}

// failed takes down that it did not. Only of the first one that says something: a
// later one may be set yet.
func (a *account) failed(password string) (possible bool) {
	if a.registered.no {
		return true
	}
	if len(a.passwords) > 0 && a.passwords[0] == password {
		a.passwords = a.passwords[1:]
		return len(a.passwords) > 0
	}
	return len(a.passwords) > 0
}

// changes takes down a change of the password: certainly done, or maybe. It ends
// what was granted.
func (a *account) changes(password string, done bool) {
	if done {
		a.passwords = []string{password}
	} else if !slices.Contains(a.passwords, password) {
		a.passwords = append(a.passwords, password)
	}
	for _, g := range a.grants {
		switch {
		case done:
			g.good = never
		case g.good.yes:
			g.good = maybe
		}
	}
}

// granted takes down a token or a session. While a change is open it may be ended
// by that: it is of the same second.
func (a *account) granted(what string, header []string) *grant {
	g := &grant{what, header, certain}
	if len(a.passwords) > 1 {
		g.good = maybe
	}
	a.grants = append(a.grants, g)
	return g
}
