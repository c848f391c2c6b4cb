package redisstore

import "testing"

// Whatever is on the channel, what is heard could have been announced.
func FuzzParseRevocation(f *testing.F) {
	for _, seed := range []string{"", "i authid_01M7ZGFXCPEBDV33HJKCJAF3EE", "s nyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD", "i ", "s ", "i a b", "s \n", "x", "i {}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		r, ok := parseRevocation(message)
		again := revokedIdentity + r.IdentityID
		if r.SID != "" {
			again = revokedSession + r.SID
		}
		if ok && (again != message || (r.SID == "") == (r.IdentityID == "")) || !ok && r != (Revocation{}) {
			t.Errorf("%q is %+v, %t", message, r, ok)
		}
	})
}
