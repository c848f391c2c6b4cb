package httpapi

import (
	"net/http"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// The routes of second factors and of verified addresses answer as those of a
// Medusa without an encryption key for second factors, in which nobody has one
// and no code was ever sent (reference medusa-v2, section 10).

// presented returns the claims that the request's session or bearer token proves.
func (h *Handler) presented(c *call) (identity.Claims, error) {
	_, record, err := h.session(c)
	if err == nil {
		var claims identity.Claims
		if claims, err = h.Service.Refresh(c.Context(), record.Contexts[record.Latest]); err == nil {
			return claims, nil
		}
	}
	if !isNo(err) {
		return identity.Claims{}, err
	}
	return h.presentedBearer(c)
}

func (h *Handler) presentedBearer(c *call) (identity.Claims, error) {
	raw, ok := verify.BearerToken(c.Header)
	if !ok {
		return identity.Claims{}, errUnauthorized
	}
	claims, err := h.Verifier.VerifyBearer(c.Context(), raw)
	if err != nil {
		return identity.Claims{}, unauthorized(err)
	}
	return *claims, nil
}

// field is a member of a body that must be a text.
type field struct {
	name     string
	required bool
}

// checkFields checks a body of these fields and of others that are let be.
func checkFields(b body, fields []field, others ...string) error {
	known := others
	var complaints []string
	for _, f := range fields {
		known = append(known, f.name)
		switch value, present := b.Members[f.name]; {
		case !present && f.required:
			complaints = append(complaints, "Field '"+f.name+"' is required")
		case !present:
		case value == "":
			complaints = append(complaints, "Value for field '"+f.name+"' too small, expected at least: '1'")
		default:
			if _, ok := value.(string); !ok {
				complaints = append(complaints, wrongType("string", f.name, value))
			}
		}
	}
	if unknown := unknownFields(b, known...); len(unknown) > 0 {
		complaints = append(complaints, "Unrecognized fields: '"+strings.Join(unknown, ", ")+"'")
	}
	if len(complaints) > 0 {
		return invalid(strings.Join(complaints, "; "))
	}
	return nil
}

func notAllowed(reason, message string) error {
	return &identity.Error{Code: identity.CodeNotAllowed, Reason: reason, Message: message}
}

type factorsBody struct {
	Factors []struct{} `json:"mfa_factors"`
}

func (h *Handler) listFactors(c *call) (answer, error) {
	if _, err := h.presented(c); err != nil {
		return answer{}, err
	}
	return jsonAnswer(http.StatusOK, factorsBody{[]struct{}{}})
}

func (h *Handler) addFactor(c *call) (answer, error) {
	if _, err := h.presented(c); err != nil {
		return answer{}, err
	}
	if err := checkFields(c.body, []field{{"provider", true}, {"issuer", false}}, "label", "metadata"); err != nil {
		return answer{}, err
	}
	return answer{}, &identity.Error{
		Code: identity.CodeInvalid, Reason: "mfa_off", Message: "MFA encryption key is required to use MFA methods",
	}
}

func (h *Handler) verifyFactor(c *call) (answer, error) {
	return answer{}, h.noFactor(c, "MFA factor", field{"code", true})
}

func (h *Handler) deleteFactor(c *call) (answer, error) {
	return answer{}, h.noFactor(c, "MFA factor", field{"method", false}, field{"code", false})
}

func (h *Handler) verifyChallenge(c *call) (answer, error) {
	return answer{}, h.noFactor(c, "MFA challenge", field{"method", true}, field{"code", true})
}

// noFactor says that the thing in the path does not exist, for none does.
func (h *Handler) noFactor(c *call, thing string, fields ...field) error {
	if _, err := h.presented(c); err != nil {
		return err
	}
	if err := checkFields(c.body, fields); err != nil {
		return err
	}
	return &identity.Error{
		Code: identity.CodeNotFound, Reason: "mfa_off", Message: thing + ` with id "` + c.id + `" was not found`,
	}
}

func (h *Handler) recoveryCodes(c *call) (answer, error) {
	if _, err := h.presented(c); err != nil {
		return answer{}, err
	}
	if err := checkFields(c.body, nil, "count"); err != nil {
		return answer{}, err
	}
	return answer{}, notAllowed("mfa_off", "Recovery codes require an enabled MFA factor")
}

// requestVerification does not answer 201, as Medusa would: no code will come.
func (h *Handler) requestVerification(c *call) (answer, error) {
	if _, err := h.presented(c); err != nil {
		return answer{}, err
	}
	err := checkFields(c.body, []field{{"entity_id", true}, {"entity_type", true}, {"code_provider", false}}, "metadata")
	if err != nil {
		return answer{}, err
	}
	return answer{}, notAllowed("verification_off", "Verification is not available")
}

func (h *Handler) confirmVerification(c *call) (answer, error) {
	if err := checkFields(c.body, []field{{"code", true}, {"code_provider", false}}); err != nil {
		return answer{}, err
	}
	return answer{}, notAllowed("verification_off", "Verification code is invalid or already used")
}
