package token

import "github.com/caddy-commerce/auth-sidecar/identity"

// The reasons for which a token is refused; doc.go explains them.
const (
	reasonTooLong     = "token_too_long"
	reasonMalformed   = "token_malformed"
	reasonHeader      = "token_header"
	reasonAlgorithm   = "token_algorithm"
	reasonSignature   = "token_signature"
	reasonPurpose     = "token_purpose"
	reasonClaims      = "token_claims"
	reasonExpired     = "token_expired"
	reasonNotYetValid = "token_not_yet_valid"
)

// refuse makes the error for a token that is not accepted. The cause is for the
// log and must not quote the token.
func refuse(reason string, cause error) error {
	return &identity.Error{Code: identity.CodeUnauthorized, Reason: reason, Message: "Unauthorized", Err: cause}
}
