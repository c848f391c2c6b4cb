package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// strict refuses a second spelling of the same bytes.
var strict = base64.RawURLEncoding.Strict()

// encodeHeader returns the encoded header of a token, its members in the order
// of Medusa's: alg, typ and, when there is one, kid.
func encodeHeader(alg, kid string) string {
	text := `{"alg":"` + alg + `","typ":"JWT"`
	if kid != "" {
		quoted, _ := json.Marshal(kid) // a string cannot fail
		text += `,"kid":` + string(stringify(quoted))
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text + "}"))
}

// candidates returns the keys that may have signed a token with that header. The
// header chooses among our own keys; it never brings one, names a place to
// fetch one from, or changes what algorithm a key is used with.
func (r *Ring) candidates(header string) ([]Key, error) {
	// Nearly every token has a header that is known beforehand.
	if keys, ok := r.byHeader[header]; ok {
		return keys, nil
	}
	data, err := strict.DecodeString(header)
	if err != nil {
		return nil, refuse(reasonMalformed, err)
	}
	h, err := parseObject(data)
	if err != nil {
		return nil, refuse(reasonMalformed, err)
	}
	// Honest tokens have none of these: crit demands what we do not implement
	// (RFC 7515, section 4.1.11), the others offer the key to believe in.
	for _, name := range []string{"crit", "jku", "jwk", "x5u", "x5c"} {
		if h.has(name) {
			return nil, refuse(reasonHeader, errors.New("header has "+name))
		}
	}
	alg, typ, kid := h.text("alg"), h.text("typ"), h.text("kid")
	switch {
	case len(r.byAlgorithm[alg]) == 0:
		return nil, refuse(reasonAlgorithm, nil)
	case h.err != nil:
		return nil, refuse(reasonMalformed, h.err)
	case typ != "" && !strings.EqualFold(typ, "JWT"): // another kind of token (RFC 8725, section 3.11)
		return nil, refuse(reasonHeader, errors.New("another typ"))
	case kid == "" || r.byAlgorithm[alg][0].public == nil: // a kid says nothing about secrets
		return r.byAlgorithm[alg], nil
	}
	k, ok := r.byKeyID[kid]
	if !ok || k.algorithm != alg {
		return nil, refuse(reasonSignature, errors.New("unknown kid"))
	}
	return []Key{k}, nil
}
