package dialectv1_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// goldenExchange is one line of testdata/golden/medusa-v1.jsonl: what a real Medusa
// 1.20.11 was asked and how it answered (reference medusa-v1).
type goldenExchange struct {
	Name    string
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         string
	}
	Response struct {
		Status  int
		Headers map[string]any
		Body    string
	}
}

var goldenPad = regexp.MustCompile(`<(\d+) (\w) elided>`)

// goldenRecording reads the recorded exchanges, in their order.
func goldenRecording(t *testing.T) []*goldenExchange {
	t.Helper()
	data, err := os.ReadFile("testdata/golden/medusa-v1.jsonl")
	must(t, err)
	var exchanges []*goldenExchange
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data))
	for lines.Scan() {
		e := new(goldenExchange)
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		must(t, dec.Decode(e))
		e.Request.Body = goldenPad.ReplaceAllStringFunc(e.Request.Body, func(pad string) string {
			m := goldenPad.FindStringSubmatch(pad)
			n, err := strconv.Atoi(m[1])
			must(t, err)
			return strings.Repeat(m[2], n)
		})
		exchanges = append(exchanges, e)
	}
	return exchanges
}

// path is that of the request as routes are compared.
func (e *goldenExchange) path() string {
	p, _, _ := strings.Cut(strings.ToLower(e.Request.Path), "?")
	return strings.TrimSuffix(p, "/")
}

func (e *goldenExchange) is(method string, paths ...string) bool {
	return e.Request.Method == method && slices.Contains(paths, e.path())
}

func (e *goldenExchange) ok() bool { return e.Response.Status/100 == 2 }

// registers and startsSession are those that succeeded.
func (e *goldenExchange) registers() bool { return e.ok() && e.is("POST", "/store/customers") }

func (e *goldenExchange) startsSession() bool {
	return e.registers() || e.ok() && e.is("POST", "/store/auth", "/admin/auth")
}

func (e *goldenExchange) resets() bool {
	return e.ok() && e.is("POST", "/store/customers/password-reset", "/admin/users/reset-password")
}

// goldenPerson is a customer or user as an answer shows them.
type goldenPerson struct {
	actorType          string
	ID, Email          string
	CreatedAt          time.Time `json:"created_at"`
	UpdatedAt          time.Time `json:"updated_at"`
	FirstName          *string   `json:"first_name"`
	LastName           *string   `json:"last_name"`
	Phone              *string
	password           string
	validFrom          time.Time
	unusableCredential bool
}

var goldenMinted = regexp.MustCompile(`eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]*`)

// shown returns the person of the answer: in its body or in its token, which names
// the id alone. nil for none.
func (e *goldenExchange) shown(t *testing.T) *goldenPerson {
	t.Helper()
	if !e.ok() {
		return nil
	}
	var body struct{ Customer, User *goldenPerson }
	if json.Unmarshal([]byte(e.Response.Body), &body) == nil {
		if p := body.Customer; p != nil && p.ID != "" {
			p.actorType = "customer"
			return p
		}
		if p := body.User; p != nil && p.ID != "" {
			p.actorType = "user"
			return p
		}
	}
	if c := e.minted(t); c != nil {
		p := &goldenPerson{actorType: "customer", ID: c.CustomerID, Email: strings.ToLower(e.member("email")), CreatedAt: e.at(t), UpdatedAt: e.at(t)}
		if c.UserID != "" {
			p.actorType, p.ID = "user", c.UserID
		}
		return p
	}
	return nil
}

type goldenClaims struct {
	CustomerID string `json:"customer_id"`
	UserID     string `json:"user_id"`
	IssuedAt   int64  `json:"iat"`
}

// minted returns the claims of the answer's token.
func (e *goldenExchange) minted(t *testing.T) *goldenClaims {
	t.Helper()
	m := goldenMinted.FindStringSubmatch(e.Response.Body)
	if m == nil || !strings.HasPrefix(e.Response.Body, `{"access_token":`) {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(m[1])
	must(t, err)
	c := new(goldenClaims)
	must(t, json.Unmarshal(payload, c))
	return c
}

// member returns a text of the request's JSON body, or "".
func (e *goldenExchange) member(name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(e.Request.Body), &members) != nil {
		return ""
	}
	text, _ := members[name].(string)
	return text
}

// at is when it was recorded: what the answer was made at, or its Date.
func (e *goldenExchange) at(t *testing.T) time.Time {
	t.Helper()
	if c := e.minted(t); c != nil {
		return time.Unix(c.IssuedAt, 0)
	}
	if e.registers() {
		var body struct{ Customer goldenPerson }
		must(t, json.Unmarshal([]byte(e.Response.Body), &body))
		return body.Customer.CreatedAt
	}
	at, err := http.ParseTime(e.header("date"))
	must(t, err)
	return at
}

// header is the field of the answer, its lines joined.
func (e *goldenExchange) header(name string) string {
	switch v := e.Response.Headers[name].(type) {
	case []any:
		return fmt.Sprint(v...)
	case string:
		return v
	}
	return ""
}

// sid is the id in the cookie of the request or, after a login without one, of the
// answer; "" for none.
func (e *goldenExchange) sid() string {
	return cmp.Or(goldenSID(e.header("set-cookie")), goldenSID(e.Request.Headers["cookie"]))
}

// goldenSID is the id in the line of a cookie, or "".
func goldenSID(line string) string {
	_, value, _ := strings.Cut(line, "sid=")
	value, err := url.PathUnescape(strings.SplitN(value, ";", 2)[0])
	sid, _, signed := strings.Cut(strings.TrimPrefix(value, "s:"), ".")
	if err != nil || !signed {
		return ""
	}
	return sid
}

// goldenAnswer is what a client sees of an answer and can depend on.
type goldenAnswer struct {
	status int
	header map[string]string
	body   string
}

var goldenCookie = regexp.MustCompile(`^([\w.]+)=[^;]*; Path=/; Expires=[^;]+GMT`)

// goldenFields are the headers that are compared.
var goldenFields = []string{
	"Content-Type", "Set-Cookie", "Vary", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
	"Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
}

func (e *goldenExchange) answer() goldenAnswer {
	a := goldenAnswer{e.Response.Status, map[string]string{}, e.Response.Body}
	for _, name := range goldenFields {
		if value := e.header(strings.ToLower(name)); value != "" {
			a.header[name] = goldenCookie.ReplaceAllString(value, "$1=<value>; Path=/; Expires=<time>")
		}
	}
	return a
}

func answered(r response) goldenAnswer {
	a := goldenAnswer{r.status, map[string]string{}, r.body}
	for _, name := range goldenFields {
		if value := r.header.Get(name); value != "" {
			a.header[name] = goldenCookie.ReplaceAllString(value, "$1=<value>; Path=/; Expires=<time>")
		}
	}
	return a
}

// plain decodes a JSON body and takes out what a customer has at the backend alone.
func plain(body string, resets bool) any {
	var v map[string]any
	if json.Unmarshal([]byte(body), &v) != nil {
		return body
	}
	for _, member := range []string{"customer", "user"} {
		if person, ok := v[member].(map[string]any); ok {
			for _, relation := range []string{"orders", "shipping_addresses"} {
				if _, ok := person[relation]; ok {
					person[relation] = []any{}
				}
			}
			if resets { // it is that moment
				delete(person, "updated_at")
			}
		}
	}
	return v
}

// diff lists what is not as expected, or is "".
func (a goldenAnswer) diff(want goldenAnswer, resets bool) string {
	var out strings.Builder
	line := func(what, got, want string) {
		if got != want {
			out.WriteString("\n" + what + "\n\tgot  " + got + "\n\twant " + want)
		}
	}
	line("status", strconv.Itoa(a.status), strconv.Itoa(want.status))
	if !reflect.DeepEqual(plain(a.body, resets), plain(want.body, resets)) {
		line("body", a.body, want.body)
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(a.header)), maps.Keys(want.header))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		line(name, a.header[name], want.header[name])
	}
	return out.String()
}
