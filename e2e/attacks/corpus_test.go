//go:build unix

package attacks

import (
	"fmt"
	"strings"
	"testing"
)

// Every attack of the corpus, over every protocol for which it makes sense, has
// the outcome that the corpus demands; and afterwards nothing has reached the
// backend that belongs to none of them, and no secret stands in a log.
func TestAttacks(t *testing.T) {
	all := corpus(t)
	s := openShop(t)
	t.Run("requests", func(t *testing.T) {
		for _, a := range all {
			t.Run(fmt.Sprint(a.file, "/", a.Row, " ", a.Name), func(t *testing.T) {
				t.Parallel()
				faults := 0
				for _, r := range a.requests() {
					s.prepare(t, r)
					for _, fault := range s.send(r) {
						if faults++; faults <= 5 {
							t.Errorf("%s: %s", r, fault)
						}
					}
				}
				if faults > 5 {
					t.Errorf("and %d more", faults-5)
				}
			})
		}
	})
	s.checkBackend(t, all)
	s.checkLog(t)
}

// prepare puts credentials where the corpus has their names.
func (s *shop) prepare(t testing.TB, r *request) {
	t.Helper()
	fields := s.fieldsOf(t, r.credential)
	for _, f := range r.fields {
		fields = append(fields, [2]string{s.fill(f[0]), s.fill(f[1])})
	}
	if r.body != "" && !has(fields, "Content-Type") {
		fields = append(fields, [2]string{"Content-Type", "application/json"})
	}
	r.fields = fields
	r.target, r.body = s.fill(r.target), s.fill(r.body)
	r.wire = s.fill(strings.ReplaceAll(r.wire, "<<long>>", strings.Repeat("a", 20<<10)))
	if _, bare, found := strings.Cut(r.host, "odd:"); found {
		r.host = bare
	}
	if _, bare, found := strings.Cut(r.host, "behind:"); found {
		r.host = bare
	}
}

// send sends the request and returns what is wrong with what became of it.
func (s *shop) send(r *request) []string {
	if r.wire == "" {
		a, err := senders[r.protocol](s.addrOf(r.site), r)
		return s.judge(r, a, err)
	}
	answers, err := sendWire(s.addrOf(r.site), r)
	if err != nil || len(answers) == 0 {
		return []string{fmt.Sprintf("no answer: %v", err)}
	}
	wrong := s.judge(r, answers[0], nil)
	for _, a := range answers[1:] { // to what is behind, smuggled or not
		if got := a.received(); got != nil {
			wrong = append(wrong, s.judgeSeen(&request{attack: new(attack), site: r.site}, *got)...)
		}
	}
	return wrong
}

// checkBackend looks for requests that came of none of the corpus's.
func (s *shop) checkBackend(t *testing.T, all []*attack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, defect := range s.defects {
		t.Errorf("the backend got what is no request: %s", defect)
	}
	for id, list := range s.got {
		for _, got := range list {
			if id == "" || strings.Contains(id, "+") || strings.Contains(got.Target, "smuggled") {
				t.Errorf("nobody knows whose request the backend got: %q: %+v", id, got)
			}
		}
		if len(list) > 1 {
			t.Errorf("the backend got %s %d times", id, len(list))
		}
	}
}

// checkLog looks for what logs somebody in: attack G3.
func (s *shop) checkLog(t *testing.T) {
	t.Helper()
	log := s.log(t)
	secrets := map[string]string{
		"the passphrase": passphrase, "a file": secretFile, "the token's secret": jwtSecret, "the cookie's secret": cookieSecret,
		"the other token's secret": otherJWT, "the other cookie's secret": otherCookie, "the provider's secret": providerSecret,
	}
	for name, value := range s.names {
		switch {
		case strings.HasSuffix(name, " sid"):
			secrets[name] = value
		case strings.HasPrefix(name, "stray "):
		case strings.Count(value, ".") == 2 && strings.HasPrefix(value, "ey"):
			if _, signature, _ := strings.Cut(strings.TrimPrefix(value, "ey"), "."); len(signature) > 20 {
				secrets[name] = value[strings.LastIndexByte(value, '.')-20:]
			}
		}
	}
	for what, secret := range secrets {
		if n := strings.Index(log, secret); n >= 0 {
			t.Errorf("%s stands in the log: %s", what, log[strings.LastIndexByte(log[:n], '\n')+1:n])
		}
	}
	for _, sign := range []string{"request refused", "upstream roundtrip", "handled request"} {
		if !strings.Contains(log, sign) {
			t.Errorf("the log is not that of these requests: there is no %q", sign)
		}
	}
}
