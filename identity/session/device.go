package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	// deviceSuffix makes the name of the device's cookie of the session's.
	deviceSuffix = ".device"
	// deviceTTL is how long a browser counts as known to an account after a log-in.
	deviceTTL = 90 * 24 * time.Hour
	// deviceAccounts is how many accounts a browser is known to, those that logged in
	// last.
	deviceAccounts = 4
)

// The value of the cookie is base64url of: a version, the browser's id, for each
// account a hash of its name and the end in Unix seconds, and an HMAC-SHA256 over
// all of that. The key is derived from the session's secret for this use alone.
const (
	deviceVersion = 1
	deviceID      = 16
	deviceName    = 16 // bytes of the hash of an account
	deviceEntry   = deviceName + 8
	deviceMAC     = sha256.Size
	deviceMin     = 1 + deviceID + deviceEntry + deviceMAC
	deviceMax     = 1 + deviceID + deviceAccounts*deviceEntry + deviceMAC
)

// device is a browser and the accounts that logged in by it.
type device struct {
	id       [deviceID]byte
	accounts []deviceAccount // the latest first
}

type deviceAccount struct {
	name [deviceName]byte
	end  int64
}

// deviceSigner signs the cookies of devices: the first key signs, all verify.
type deviceSigner struct{ keys []*sync.Pool }

func newDeviceSigner(secrets []identity.Secret) *deviceSigner {
	s := &deviceSigner{}
	for _, secret := range secrets {
		derive := hmac.New(sha256.New, []byte(secret.Reveal()))
		derive.Write([]byte("auth sidecar: cookies of known devices"))
		key := derive.Sum(nil)
		s.keys = append(s.keys, &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }})
	}
	return s
}

var errDevice = errors.New("no cookie of a device")

// read returns what a cookie of ours says.
func (s *deviceSigner) read(value string) (device, error) {
	var d device
	if len(value) > base64.RawURLEncoding.EncodedLen(deviceMax) {
		return d, errDevice
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(raw) < deviceMin || len(raw) > deviceMax || (len(raw)-deviceMin)%deviceEntry != 0 || raw[0] != deviceVersion {
		return d, errDevice
	}
	said, mac := raw[:len(raw)-deviceMAC], raw[len(raw)-deviceMAC:]
	genuine := false
	for _, key := range s.keys {
		genuine = genuine || hmac.Equal(deviceSum(key, said), mac)
	}
	if !genuine {
		return d, errDevice
	}
	copy(d.id[:], said[1:])
	for entries := said[1+deviceID:]; len(entries) > 0; entries = entries[deviceEntry:] {
		a := deviceAccount{end: int64(binary.BigEndian.Uint64(entries[deviceName:deviceEntry]))} //nolint:gosec // we signed it
		copy(a.name[:], entries)
		d.accounts = append(d.accounts, a)
	}
	return d, nil
}

// write returns the value of the cookie.
func (s *deviceSigner) write(d device) string {
	raw := make([]byte, 0, deviceMax)
	raw = append(append(raw, deviceVersion), d.id[:]...)
	for _, a := range d.accounts {
		raw = binary.BigEndian.AppendUint64(append(raw, a.name[:]...), uint64(a.end)) //nolint:gosec // after 1970
	}
	return base64.RawURLEncoding.EncodeToString(append(raw, deviceSum(s.keys[0], raw)...))
}

func deviceSum(key *sync.Pool, said []byte) []byte {
	h := key.Get().(hash.Hash)
	defer key.Put(h)
	h.Reset()
	h.Write(said)
	return h.Sum(nil)
}

// nameIn is how the browser's cookie names an account.
func (d device) nameIn(account string) (name [deviceName]byte) {
	h := sha256.New()
	h.Write(d.id[:])
	h.Write([]byte(account))
	copy(name[:], h.Sum(nil))
	return name
}

// knows reports whether the account logged in by the browser, and lately.
func (d device) knows(account string, now time.Time) bool {
	name, known := d.nameIn(account), false
	for _, a := range d.accounts {
		same := hmac.Equal(a.name[:], name[:])
		known = known || same && now.Unix() < a.end
	}
	return known
}

// Device returns the id of the request's browser if the account logged in by it
// before, else "". It is no credential: it tells the browser of somebody who
// mistypes their password from those of strangers who guess.
func (m *Manager) Device(h http.Header, account string) string {
	value, ok := find(h["Cookie"], m.device)
	if !ok {
		return ""
	}
	d, err := m.devices.read(value)
	if err != nil || !d.knows(account, m.now()) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(d.id[:])
}

// DeviceCookie returns the Set-Cookie line by which the request's browser is known
// to the account from now on, as to those before, with the attributes of the
// session's cookie, or "" if it must not be sent.
func (m *Manager) DeviceCookie(h http.Header, account string, https bool) string {
	now := m.now()
	c := m.cfg.cookie(now, now, https)
	if c.Secure && !https {
		return ""
	}
	value, _ := find(h["Cookie"], m.device)
	d, err := m.devices.read(value)
	if err != nil {
		_, _ = rand.Read(d.id[:]) // never fails
	}
	name := d.nameIn(account)
	accounts := []deviceAccount{{name, now.Add(deviceTTL).Unix()}}
	for _, a := range d.accounts {
		if a.name != name && now.Unix() < a.end && len(accounts) < deviceAccounts {
			accounts = append(accounts, a)
		}
	}
	d.accounts = accounts
	maxAge := "; Max-Age=" + strconv.Itoa(int(deviceTTL.Seconds()))
	return m.device + "=" + m.devices.write(d) + c.scope() + maxAge + c.flags()
}
