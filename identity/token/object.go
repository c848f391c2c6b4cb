package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxSeconds bounds times so that arithmetic on them cannot overflow. It is
// the greatest integer that JavaScript is exact about.
const maxSeconds = 1<<53 - 1

// object reads the members of a JSON object. Of members with the same name the
// last counts, as in JavaScript. The first member found to be of a wrong type
// is kept as err.
type object struct {
	members []member
	err     error
}

func parseObject(text []byte) (*object, error) {
	members, err := split(text)
	if err != nil {
		return nil, err
	}
	return &object{members: members}, nil
}

// get returns the text of the value, or nil if there is no such member.
func (o *object) get(name string) json.RawMessage {
	for _, m := range slices.Backward(o.members) {
		if m.name == name {
			return m.raw
		}
	}
	return nil
}

// value is get, but nil for null as well.
func (o *object) value(name string) json.RawMessage {
	raw := o.get(name)
	if isNull(raw) {
		return nil
	}
	return raw
}

// has reports whether there is such a member, be it null.
func (o *object) has(name string) bool { return o.get(name) != nil }

func (o *object) fail(name string, err error) {
	if o.err == nil {
		o.err = fmt.Errorf("member %s: %w", name, err)
	}
}

// decode fills to, and leaves it alone when the member is absent or null.
func (o *object) decode(name string, to any) {
	if raw := o.value(name); raw != nil {
		if err := json.Unmarshal(raw, to); err != nil {
			o.fail(name, err)
		}
	}
}

// text returns a string, "" when the member is absent or null.
func (o *object) text(name string) string {
	raw := o.value(name)
	if raw == nil {
		return ""
	}
	if raw[0] != '"' {
		o.fail(name, errors.New("not a string"))
		return ""
	}
	text, err := unquote(raw)
	if err != nil {
		o.fail(name, err)
	}
	return text
}

// flag returns a boolean, false when the member is absent or null.
func (o *object) flag(name string) bool {
	switch string(o.value(name)) {
	case "true":
		return true
	case "", "false":
		return false
	}
	o.fail(name, errors.New("not a boolean"))
	return false
}

// seconds returns a NumericDate (RFC 7519, section 2) without its fraction, and
// whether there is one. It must be a number: null and quoted ones are errors.
func (o *object) seconds(name string) (int64, bool) {
	raw := o.get(name)
	if raw == nil {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil && -maxSeconds <= n && n <= maxSeconds {
		return n, true
	}
	// ParseFloat takes more than JSON's numbers, but raw is valid JSON.
	if f, err := strconv.ParseFloat(string(raw), 64); err == nil && math.Abs(f) <= maxSeconds {
		return int64(math.Floor(f)), true
	}
	o.fail(name, errors.New("not a number of seconds"))
	return 0, false
}

// time returns a time, nil when the member is absent or null. Years that the
// wire form has no place for are errors.
func (o *object) time(name string) *identity.Time {
	var t *identity.Time
	o.decode(name, &t)
	if t == nil {
		return nil
	}
	t.Time = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		o.fail(name, errors.New("year out of range"))
	}
	return t
}

// object returns the text of an object, nil when the member is absent or null.
func (o *object) object(name string) json.RawMessage {
	raw := o.value(name)
	if raw != nil && raw[0] != '{' {
		o.fail(name, errNotObject)
		return nil
	}
	return raw
}

// metadata returns the members of an object, nil when the member is absent or
// null.
func (o *object) metadata(name string) identity.Metadata {
	raw := o.object(name)
	if raw == nil {
		return nil
	}
	members, err := split(raw)
	if err != nil {
		o.fail(name, err)
		return nil
	}
	m := make(identity.Metadata, len(members))
	for _, member := range members {
		m[member.name] = member.raw
	}
	return m
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }
