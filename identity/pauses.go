package identity

import (
	"sync"
	"time"
)

// pausesMost is how many names are remembered. Beyond it some are forgotten, so
// that a flood of them costs no more memory and keeps nobody waiting.
const pausesMost = 1 << 14

// pauses keep requests for resets with one name apart by the resetCooldown, within
// one process.
type pauses struct {
	mu   sync.Mutex
	last map[string]asked // by hash of the name
}

type asked struct {
	id string
	at time.Time
}

func newPauses() *pauses { return &pauses{last: make(map[string]asked)} }

// begin reports whether the request may be worked on: none was that was asked for
// less than a resetCooldown before it. The same request may be worked on again.
func (p *pauses) begin(name string, r ResetRequest) bool {
	name = textHash(name) // which may be long
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.last[name]
	if known && last.id != r.ID && r.AskedAt.Sub(last.at) < resetCooldown {
		return false
	}
	if !known && len(p.last) >= pausesMost {
		p.forget(r.AskedAt)
	}
	p.last[name] = asked{r.ID, r.AskedAt}
	return true
}

// forget makes room: of what is over, or else of anything.
func (p *pauses) forget(now time.Time) {
	for name, last := range p.last {
		if now.Sub(last.at) >= resetCooldown {
			delete(p.last, name)
		}
	}
	for name := range p.last {
		if len(p.last) < pausesMost {
			return
		}
		delete(p.last, name)
	}
}
