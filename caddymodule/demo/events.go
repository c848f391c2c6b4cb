package demo

import (
	"fmt"
	"net/http"
	"time"
)

const (
	tickEvery    = 100 * time.Millisecond
	ticksDefault = 10
	ticksMost    = 36_000 // an hour
)

// events answers GET /store/events?n= with n server-sent events, the first at
// once and then one per 100 ms. Each is flushed by itself: a proxy that
// gathers them shows by the times at which they arrive.
func events(w http.ResponseWriter, r *http.Request) {
	n, ok := queryNumber(w, r, "n", ticksDefault, ticksMost)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for i := range n {
		if i > 0 {
			select {
			case <-ticker.C:
			case <-r.Context().Done():
				return
			}
		}
		if _, err := fmt.Fprintf(w, "id: %d\nevent: tick\ndata: %d\n\n", i+1, i+1); err != nil {
			return
		}
		if err := flush.Flush(); err != nil {
			return
		}
	}
}
