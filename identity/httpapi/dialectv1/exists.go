package dialectv1

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// The limits of questions whether an address has an account, per process, of which
// every registration is one. A person asks when they have typed their address; a
// list of addresses takes long.
const (
	questionEvery = 6 * time.Second
	questionBurst = 20
	allPerSecond  = 50
	allBurst      = 100
	clientsMax    = 16384
)

type limits struct {
	all     *rate.Limiter
	clients *lru.Cache[string, *rate.Limiter]
}

func newLimits() (*limits, error) {
	clients, err := lru.New[string, *rate.Limiter](clientsMax)
	if err != nil {
		return nil, fmt.Errorf("routes of the older dialect: %w", err)
	}
	return &limits{rate.NewLimiter(allPerSecond, allBurst), clients}, nil
}

func (l *limits) allow(client string, now time.Time) bool {
	limiter := rate.NewLimiter(rate.Every(questionEvery), questionBurst)
	client = network(client)
	if known, ok, _ := l.clients.PeekOrAdd(client, limiter); ok {
		limiter = known
		l.clients.Get(client) // used recently
	}
	return limiter.AllowN(now, 1) && l.all.AllowN(now, 1)
}

// network is what one client can be counted by: an IPv4 address, or the 64 bits of
// an IPv6 address that a subscriber is given.
func network(client string) string {
	if host, _, err := net.SplitHostPort(client); err == nil {
		client = host
	}
	address, err := netip.ParseAddr(client)
	if err != nil {
		return client
	}
	address = address.Unmap().WithZone("")
	if prefix, err := address.Prefix(64); err == nil && address.Is6() {
		return prefix.String()
	}
	return address.String()
}

type existsBody struct {
	Exists bool `json:"exists"`
}

// exists tells whether an address has an account: by design of the dialect it tells
// anybody.
func (h *Handler) exists(c *call) (answer, error) {
	if !h.questions.allow(h.Client(c.Request), h.Clock()) {
		return answer{}, errTooMany
	}
	address := strings.ToLower(c.segment())
	if !plausible(address) {
		return jsonAnswer(http.StatusOK, existsBody{})
	}
	known, err := h.Service.HasAccount(c.Context(), identity.Customer, address)
	if err != nil {
		return answer{}, err
	}
	return jsonAnswer(http.StatusOK, existsBody{known})
}
