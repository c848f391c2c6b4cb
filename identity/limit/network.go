package limit

import "net/netip"

// The lengths of IPv6 prefixes that count as one client. Less than Household is
// what one household gets; many get the whole of Site, and choose within.
const (
	Household = 64
	Site      = 48
)

// Network returns what counts as one client: an IPv4 address, or the IPv6 prefix
// of that many bits. What is no address is its own network.
func Network(client string, bits int) string {
	address, err := netip.ParseAddr(client)
	if err != nil {
		return client
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return client
	}
	return prefix.String()
}
