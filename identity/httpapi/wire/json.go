package wire

import (
	"bytes"
	"encoding/json"
)

// Object is a JSON object that remembers the order of its members.
type Object struct {
	// Members is never nil in an Object of NewObject. Its values are those of
	// encoding/json; numbers are json.Number, since JSON.parse takes any size.
	Members map[string]any
	Names   []string // of members, in the order of the text
}

// NewObject returns one without members.
func NewObject() Object { return Object{Members: map[string]any{}} }

// Set gives a member a value. One that is new comes last.
func (o *Object) Set(name string, value any) {
	if _, known := o.Members[name]; !known {
		o.Names = append(o.Names, name)
	}
	o.Members[name] = value
}

// ParseObject reads a text that is a valid JSON object.
func ParseObject(text []byte) (Object, error) {
	o := NewObject()
	// Token by token, because the order of the members is of interest.
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	_, err := dec.Token()
	for err == nil && dec.More() {
		var name json.Token
		var value any
		if name, err = dec.Token(); err == nil {
			err = dec.Decode(&value)
			o.Set(name.(string), value)
		}
	}
	return o, err
}

// Encode encodes as JSON.stringify does: `<` stays `<`.
func Encode(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
