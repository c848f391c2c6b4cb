package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// MaxLength is the greatest length of a token in bytes. Longer ones are refused
// unread, and not minted.
const MaxLength = 16 << 10

// verify returns the payload of a token that a key of the ring signed, and
// nothing of any other. What the payload says is not checked yet.
//
// The library's parser decodes the payload before it looks at the signature.
// Only its signing methods are used here, in the safer order, in which a forged
// token also costs a fifth.
func (r *Ring) verify(raw string) ([]byte, error) {
	if len(raw) > MaxLength {
		return nil, refuse(reasonTooLong, nil)
	}
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	// encoding/base64 skips line breaks, which would give a token many spellings.
	if !ok || strings.ContainsAny(raw, "\r\n") {
		return nil, refuse(reasonMalformed, errors.New("not three parts"))
	}
	keys, err := r.candidates(header)
	if err != nil {
		return nil, err
	}
	mac, err := strict.DecodeString(signature)
	if err != nil {
		return nil, refuse(reasonMalformed, fmt.Errorf("decoding the signature: %w", err))
	}
	signed := raw[:len(header)+1+len(payload)]
	if err := verifyAny(keys, signed, mac); err != nil {
		return nil, refuse(reasonSignature, err)
	}
	data, err := strict.DecodeString(payload)
	if err != nil {
		return nil, refuse(reasonMalformed, fmt.Errorf("decoding the payload: %w", err))
	}
	return data, nil
}

func verifyAny(keys []Key, signed string, mac []byte) (err error) {
	for _, k := range keys {
		if err = k.verify(signed, mac); err == nil {
			return nil
		}
	}
	return err
}

// mint signs the payload with the first key.
func (r *Ring) mint(payload any) (string, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("encoding the claims: %w", err)
	}
	signed := r.header + "." + base64.RawURLEncoding.EncodeToString(stringify(data))
	mac, err := r.signer.sign(signed)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(mac)
	if len(token) > MaxLength {
		return "", fmt.Errorf("the token would have %d bytes and at most %d are accepted", len(token), MaxLength)
	}
	return token, nil
}
