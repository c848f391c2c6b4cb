package session_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// vectors are what the npm packages that Medusa uses did; e2e/fixtures/express
// makes the file.
type vectors struct {
	Logins []struct {
		Name     string   `json:"name"`
		Cookie   string   `json:"cookie"`
		Secrets  []string `json:"secrets"`
		Settings struct {
			Domain   string           `json:"domain"`
			SameSite session.SameSite `json:"same_site"`
			Secure   session.Secure   `json:"secure"`
			TTL      int64            `json:"ttl_ms"`
			Rolling  bool             `json:"rolling"`
		} `json:"settings"`
		HTTPS     bool     `json:"https"`
		SID       string   `json:"sid"`
		SetCookie []string `json:"set_cookie"`
		Record    string   `json:"record"`
		Use       struct {
			SetCookie []string `json:"set_cookie"`
			Record    string   `json:"record"`
		} `json:"use"`
		Clear []string `json:"clear"`
	} `json:"logins"`
	Reads []struct {
		Name    string   `json:"name"`
		Cookie  string   `json:"cookie"`
		Secrets []string `json:"secrets"`
		Lines   []string `json:"lines"`
		SID     *string  `json:"sid"`
	} `json:"reads"`
}

func loadVectors(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/express.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Logins) == 0 || len(v.Reads) == 0 {
		t.Fatal("no vectors")
	}
	return v
}

func secrets(texts []string) []identity.Secret {
	var s []identity.Secret
	for _, text := range texts {
		s = append(s, identity.NewSecret(text))
	}
	return s
}

// Given the id and the time that express-session had, a login gives its bytes.
func TestStartLikeExpress(t *testing.T) {
	t.Parallel()
	for _, v := range loadVectors(t).Logins {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			want, err := session.Decode([]byte(v.Record))
			if err != nil {
				t.Fatal(err)
			}
			random, err := base64.RawURLEncoding.DecodeString(v.SID)
			if err != nil || len(random) != 24 {
				t.Fatalf("session id %q: %d bytes, %v", v.SID, len(random), err)
			}
			ttl := time.Duration(v.Settings.TTL) * time.Millisecond
			c := identitytest.NewClockAt(want.Cookie.Expires.Add(-ttl))
			store := &memory{clock: c, records: make(map[string]stored)}
			m, err := session.NewManager(session.Config{
				Settings: session.Settings{
					Name: v.Cookie, Domain: v.Settings.Domain, SameSite: v.Settings.SameSite,
					Secure: v.Settings.Secure, TTL: ttl, Rolling: v.Settings.Rolling,
				},
				Secrets: secrets(v.Secrets), Store: store, Clock: c.Now, Rand: bytes.NewReader(random),
			})
			if err != nil {
				t.Fatal(err)
			}
			started, err := m.Start(t.Context(), "", want.Contexts[want.Latest], v.HTTPS)
			if err != nil {
				t.Fatal(err)
			}
			if started.SID != v.SID {
				t.Errorf("id %q, want %q", started.SID, v.SID)
			}
			if got, want := started.SetCookie, strings.Join(v.SetCookie, ","); got != want {
				t.Errorf("Set-Cookie\n got %s\nwant %s", got, want)
			}
			text, _ := store.get(v.SID)
			if got := withoutCreatedAt(t, text); got != v.Record {
				t.Errorf("record\n got %s\nwant %s", got, v.Record)
			}
			if len(v.Clear) > 0 && m.ClearCookie() != v.Clear[0] {
				t.Errorf("deletion\n got %s\nwant %s", m.ClearCookie(), v.Clear[0])
			}

			if len(v.SetCookie) == 0 {
				return
			}
			// Half of its life later it is used.
			c.Forward(ttl / 2)
			setCookie, err := m.Touch(t.Context(), v.SID, want, v.HTTPS)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Join(v.Use.SetCookie, ","); setCookie != want {
				t.Errorf("use: Set-Cookie\n got %s\nwant %s", setCookie, want)
			}
			if text, _ := store.get(v.SID); v.Settings.Rolling && withoutCreatedAt(t, text) != v.Use.Record {
				t.Errorf("use: record\n got %s\nwant %s", text, v.Use.Record)
			}
			if sid, ok := m.FromRequest(cookies(strings.SplitN(v.SetCookie[0], ";", 2)[0])); !ok || sid != v.SID {
				t.Errorf("its own cookie was read as %q, %t", sid, ok)
			}
		})
	}
}

// withoutCreatedAt removes the one member that Medusa's records do not have.
func withoutCreatedAt(t *testing.T, record string) string {
	t.Helper()
	r, err := session.Decode([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	if r.CreatedAt.IsZero() {
		t.Error("the record does not say when it was made")
	}
	r.CreatedAt = time.Time{}
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A Cookie header means what it means to express-session, but for ids that
// could do harm in a key.
func TestFromRequestLikeExpress(t *testing.T) {
	t.Parallel()
	for _, v := range loadVectors(t).Reads {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			m, err := session.NewManager(session.Config{
				Settings: session.Settings{Name: v.Cookie}, Secrets: secrets(v.Secrets), Store: &memory{},
			})
			if err != nil {
				t.Fatal(err)
			}
			want, wantOK := "", false
			if v.SID != nil && !strings.HasPrefix(v.Name, "beyond: ") {
				want, wantOK = *v.SID, true
			}
			h := cookies(v.Lines...)
			if got, ok := m.FromRequest(h); got != want || ok != wantOK {
				t.Errorf("%q: got %q, %t, want %q, %t", v.Lines, got, ok, want, wantOK)
			}
			if wantOK && !m.Presented(h) {
				t.Error("read but not presented")
			}
			m.Cut(h)
			if m.Presented(h) {
				t.Errorf("after cutting there is %q", h["Cookie"])
			}
		})
	}
}

// The vectors of references medusa-v1 section 6 and medusa-v2.jsonl.
func TestFromRequestReference(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ secret, line, sid string }{
		{
			"ref-cookie-secret",
			"connect.sid=s%3AnyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD.zZB8ZKmWGwclyQZCOKS%2BQoqcer9cKva4Lvjs1bOAWhU",
			"nyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD",
		},
		{
			"reference-cookie-secret",
			"connect.sid=s%3AbexraPq6nDazQo7tB9VZkWVNG7rN2V-H.%2F%2BimsLYsl7%2F3bsHADJ1vouvl7Sxi%2BUFY0TxUQszcFcs",
			"bexraPq6nDazQo7tB9VZkWVNG7rN2V-H",
		},
	} {
		m, err := session.NewManager(session.Config{Secrets: secrets([]string{v.secret}), Store: &memory{}})
		if err != nil {
			t.Fatal(err)
		}
		if sid, ok := m.FromRequest(cookies(v.line)); !ok || sid != v.sid {
			t.Errorf("%s: got %q, %t", v.line, sid, ok)
		}
	}
}
