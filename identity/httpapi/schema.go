package httpapi

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

// resetRequest is the body of a request for a new password.
type resetRequest struct {
	identifier string
	metadata   json.RawMessage // an object, or empty
}

// parseResetRequest checks the body as Medusa's schema does and complains in
// its words: at most three complaints, the missing field first.
func parseResetRequest(b body) (resetRequest, error) {
	var request resetRequest
	var complaints []string
	switch identifier, present := b.Members["identifier"]; {
	case b.other:
		return resetRequest{}, invalid("Field '' is required")
	case !present:
		complaints = append(complaints, "Field 'identifier' is required")
	default:
		var ok bool
		if request.identifier, ok = identifier.(string); !ok {
			complaints = append(complaints, wrongType("string", "identifier", identifier))
		}
	}
	if metadata, present := b.Members["metadata"]; present {
		object, ok := metadata.(map[string]any)
		if !ok {
			complaints = append(complaints, wrongType("record", "metadata", metadata))
		}
		delete(object, protoMember)
		var err error
		if request.metadata, err = wire.Encode(metadata); err != nil {
			return resetRequest{}, internal("json_encoding", err)
		}
	}
	if unknown := unknownFields(b, "identifier", "metadata"); len(unknown) > 0 {
		complaints = append(complaints, "Unrecognized fields: '"+strings.Join(unknown, ", ")+"'")
	}
	if len(complaints) > 0 {
		return resetRequest{}, invalid(strings.Join(complaints, "; "))
	}
	return request, nil
}

func invalid(complaints string) error {
	return &identity.Error{
		Code: identity.CodeInvalid, Reason: "body_invalid", Message: "Invalid request: " + complaints,
	}
}

func wrongType(want, field string, got any) string {
	return "Expected type: '" + want + "' for field '" + field + "', got: '" + javaScript(got) + "'"
}

// unknownFields returns the names that are not known, in the order in which
// JavaScript enumerates properties: array indices by size, then the others.
func unknownFields(b body, known ...string) []string {
	unknown := slices.DeleteFunc(slices.Clone(b.Names), func(name string) bool { return slices.Contains(known, name) })
	slices.SortStableFunc(unknown, func(a, b string) int {
		i, aIsIndex := arrayIndex(a)
		j, bIsIndex := arrayIndex(b)
		switch {
		case aIsIndex && bIsIndex:
			return cmp.Compare(i, j)
		case aIsIndex:
			return -1
		case bIsIndex:
			return 1
		}
		return 0
	})
	return unknown
}

func arrayIndex(s string) (int64, bool) {
	i, err := strconv.ParseInt(s, 10, 64)
	return i, err == nil && i >= 0 && i < math.MaxUint32 && strconv.FormatInt(i, 10) == s
}

// javaScript returns what String(v) is in JavaScript.
func javaScript(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return javaScriptNumber(v)
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			if element != nil {
				parts[i] = javaScript(element)
			}
		}
		return strings.Join(parts, ",")
	}
	return "[object Object]"
}

func javaScriptNumber(n json.Number) string {
	f, _ := n.Float64() // out of range it is infinite, as in JavaScript
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0" // of either sign
	}
	encoded, _ := json.Marshal(f) // has JavaScript's format, and f is finite
	return string(encoded)
}
