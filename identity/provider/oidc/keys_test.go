package oidc_test

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

// However many tokens name a key that nobody knows, the provider is asked once in
// ten seconds, and everybody else logs in meanwhile. (attacks.md D8)
func TestUnknownKeyFlood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if _, err := w.logIn(t); err != nil {
		t.Fatal(err)
	}
	w.clock.Forward(time.Minute)
	for round := range 2 {
		w.idp.Misbehave(demoidp.Faults{Signing: demoidp.WithUnknownKey})
		var flood sync.WaitGroup
		for range 20 {
			flood.Go(func() {
				_, err := w.logIn(t)
				wantRefusal(t, err, identity.CodeUnauthorized, "id_token_key", "Authentication failed")
			})
		}
		flood.Wait()
		if got, want := w.idp.Requests(demoidp.Keys), 2+round; got != want {
			t.Errorf("round %d: the keys were fetched %d times, want %d", round, got, want)
		}
		w.idp.Misbehave(demoidp.Faults{})
		if _, err := w.logIn(t); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		w.clock.Forward(11 * time.Second)
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for round := range 3 {
		if _, err := w.logIn(t); err != nil {
			t.Fatalf("key %d: %v", round, err)
		}
		if got := w.idp.Requests(demoidp.Keys); got != round+1 {
			t.Errorf("key %d: the keys were fetched %d times", round, got)
		}
		if err := w.idp.Rotate(); err != nil {
			t.Fatal(err)
		}
		w.clock.Forward(11 * time.Second)
	}
	// A key that is withdrawn counts no longer than an hour.
	w.clock.Forward(time.Hour)
	before := w.idp.Requests(demoidp.Keys)
	if _, err := w.logIn(t); err != nil || w.idp.Requests(demoidp.Keys) != before+1 {
		t.Errorf("after an hour: %v, fetched %d times", err, w.idp.Requests(demoidp.Keys)-before)
	}
}

// A key set that cannot be had is no reason to say no.
func TestKeysUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	down := demoidp.Faults{Answer: func(e demoidp.Endpoint, r http.ResponseWriter, _ *http.Request) bool {
		if e == demoidp.Keys {
			r.WriteHeader(http.StatusInternalServerError)
		}
		return e == demoidp.Keys
	}}
	w.idp.Misbehave(down)
	for range 3 {
		_, err := w.logIn(t)
		wantRefusal(t, err, identity.CodeUnavailable, "provider_failed", "Service temporarily unavailable")
	}
	if got := w.idp.Requests(demoidp.Keys); got != 1 {
		t.Errorf("fetched %d times while it had just failed", got)
	}
	w.idp.Misbehave(demoidp.Faults{})
	w.clock.Forward(3 * time.Second)
	if _, err := w.logIn(t); err != nil {
		t.Errorf("after three seconds: %v", err)
	}

	// Known keys go on working; whether an unknown one is published cannot be said.
	down.Signing = ""
	w.idp.Misbehave(down)
	w.clock.Forward(2 * time.Hour)
	if _, err := w.logIn(t); err != nil {
		t.Errorf("with keys of two hours ago: %v", err)
	}
	down.Signing = demoidp.WithUnknownKey
	w.idp.Misbehave(down)
	_, err := w.logIn(t)
	wantRefusal(t, err, identity.CodeUnavailable, "provider_failed", "Service temporarily unavailable")
	down.Signing = ""
	w.idp.Misbehave(down)
	w.clock.Forward(23 * time.Hour)
	_, err = w.logIn(t)
	wantRefusal(t, err, identity.CodeUnavailable, "provider_failed", "Service temporarily unavailable")
}

// A key that is published for one algorithm verifies no other.
func TestKeyForOtherAlgorithm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(w.idp.Issuer() + string(demoidp.Keys))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	keys, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Contains(keys, []byte(`"ES256"`)) {
		t.Fatalf("%s, %v", keys, err)
	}
	keys = bytes.ReplaceAll(keys, []byte(`"ES256"`), []byte(`"ES384"`))
	w.idp.Misbehave(demoidp.Faults{Answer: func(e demoidp.Endpoint, r http.ResponseWriter, _ *http.Request) bool {
		if e == demoidp.Keys {
			_, _ = r.Write(keys)
		}
		return e == demoidp.Keys
	}})
	_, err = w.logIn(t)
	wantRefusal(t, err, identity.CodeUnauthorized, "id_token_key", "Authentication failed")
}

// Key sets with keys that are no public keys of signatures, or too weak.
func TestKeySets(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty set":     `{"keys":[]}`,
		"no set":        `{}`,
		"null":          `null`,
		"symmetric key": `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`,
		"unknown kind":  `{"keys":[{"kty":"X"},{"kty":7},null,"x",1,[]]}`,
		"RSA 512":       `{"keys":[{"kty":"RSA","e":"AQAB","n":"q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0Vniw"}]}`,
		"for encryption": `{"keys":[{"kty":"EC","crv":"P-256","use":"enc",
			"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
		"private key": `{"keys":[{"kty":"EC","crv":"P-256","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
			"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
		"not on the curve": `{"keys":[{"kty":"EC","crv":"P-256",
			"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"AAAAzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
		"garbage": hostile,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.idp.Misbehave(demoidp.Faults{Answer: func(e demoidp.Endpoint, r http.ResponseWriter, _ *http.Request) bool {
				if e == demoidp.Keys {
					_, _ = r.Write([]byte(body))
				}
				return e == demoidp.Keys
			}})
			_, err := w.logIn(t)
			wantRefusal(t, err, identity.CodeUnavailable, "provider_answer_unusable", "Service temporarily unavailable")
		})
	}
}
