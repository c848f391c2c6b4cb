package limit

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// bucket is what there is of one name.
type bucket struct {
	name identity.Bucket
	rate Rate // default
	// of says whose bucket an event belongs in, of an account's the account first;
	// false: in none.
	of func(identity.Subject) (names []string, ok bool)
	// byClient: it counts by the client's address.
	byClient bool
}

// buckets are all there are, in the order in which they are documented.
var buckets = []bucket{
	{identity.BucketLogin, Rate{100, 10 * time.Minute}, client, true},
	{identity.BucketAccount, Rate{40, time.Hour}, account, false},
	{identity.BucketNetwork, Rate{10, time.Hour}, networkAtAccount, true},
	{identity.BucketDevice, Rate{10, 15 * time.Minute}, deviceAtAccount, false},
	{identity.BucketDevices, Rate{100, time.Hour}, account, false},
	{identity.BucketRegister, Rate{100, 10 * time.Minute}, client, true},
	{identity.BucketReset, Rate{30, 10 * time.Minute}, client, true},
	{identity.BucketResetAccount, Rate{10, 30 * time.Minute}, account, false},
	{identity.BucketThirdParty, Rate{20, 20 * time.Second}, client, true},
	{identity.BucketThirdPartyAll, Rate{200, 4 * time.Second}, all, false},
	{identity.BucketExists, Rate{20, 2 * time.Minute}, client, true},
	{identity.BucketExistsAll, Rate{100, 2 * time.Second}, all, false},
	{identity.BucketMigration, Rate{20, 10 * time.Second}, client, true},
	{identity.BucketMigrationAll, Rate{50, 5 * time.Second}, all, false},
}

// client is one household. Those of whom nobody knows are not counted.
func client(s identity.Subject) ([]string, bool) {
	return []string{Network(s.Client, Household)}, s.Client != ""
}

func account(s identity.Subject) ([]string, bool) { return []string{s.Account}, true }

// networkAtAccount is a larger network: many get the whole of a Site, and choose
// within. Those of whom nobody knows are one.
func networkAtAccount(s identity.Subject) ([]string, bool) {
	return []string{s.Account, Network(s.Client, Site)}, true
}

func deviceAtAccount(s identity.Subject) ([]string, bool) { return []string{s.Account, s.Device}, true }

func all(identity.Subject) ([]string, bool) { return []string{""}, true }

// Defaults returns the rate of every bucket.
func Defaults() map[identity.Bucket]Rate {
	rates := make(map[identity.Bucket]Rate)
	for _, b := range buckets {
		rates[b.name] = b.rate
	}
	return rates
}

// Names lists the buckets.
func Names() []string {
	var names []string
	for _, b := range buckets {
		names = append(names, string(b.name))
	}
	return names
}

// Bounds of rates. A window is a TTL in Redis, and one event takes at least a
// millisecond.
const (
	maxEvents = 1_000_000
	maxWindow = 30 * 24 * time.Hour
)

// Check refuses a bucket that there is not, and a rate that is none. The zero Rate
// is fine: it is no limit.
func Check(name string, r Rate) error {
	if !slices.Contains(Names(), name) {
		return fmt.Errorf("there is no bucket %q to limit; there is: %s", name, strings.Join(Names(), ", "))
	}
	if r == (Rate{}) {
		return nil
	}
	if r.Events < 1 || r.Events > maxEvents || r.Window > maxWindow || r.Window < time.Duration(r.Events)*time.Millisecond {
		return fmt.Errorf("bucket %s: %d events in %s: use 1 to %d events in at most %s, and no more than one in a millisecond",
			name, r.Events, r.Window, maxEvents, maxWindow)
	}
	return nil
}

// trusts reports whether the client is in one of the networks.
func trusts(networks []netip.Prefix, client string) bool {
	address, err := netip.ParseAddr(client)
	if err != nil {
		return false
	}
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}
