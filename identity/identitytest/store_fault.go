package identitytest

import (
	"encoding/json"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxSteps is more commands than any operation takes.
const maxSteps = 100

// step is an operation in which one command fails.
type step struct {
	*storeTest
	n     int
	fault Fault
}

// run runs the operation and reports whether it got as far as the command.
func (s *step) run(operation func() error) (fired bool, err error) {
	s.faults.Arm(s.n, s.fault)
	err = operation()
	fired = s.faults.Disarm()
	if !fired && err != nil {
		s.Fatalf("nothing failed, and yet: %v", err)
	}
	return fired, err
}

// eachStep runs the test once for every way in which a command can fail and
// every command of the operation, each on an empty store.
func (t *storeTest) eachStep(test func(s *step) (fired bool)) {
	t.Helper()
	for name, fault := range AllFaults {
		t.Log(name)
		t.eachStepOf(fault, test)
	}
}

func (t *storeTest) eachStepOf(fault Fault, test func(s *step) (fired bool)) {
	t.Helper()
	for n := 0; ; n++ {
		s := &step{t.again(), n, fault}
		t.Log("command", n)
		if !test(s) || t.Failed() {
			return
		}
		if n == maxSteps {
			t.Fatal("the operation does not end")
		}
	}
}

// died runs the operation, which ends at the nth command as if the process had
// died, and reports whether it got that far.
func (t *storeTest) died(n int, operation func() error) bool {
	t.Helper()
	t.faults.Arm(n, Fault{Lost: true, Down: true})
	t.nilOrUnavailable(operation(), "the operation that died")
	return t.faults.Disarm()
}

var faultTests = map[string]func(*storeTest){
	"ReplaceCredential": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			next := s.entry("emailpass", "a@shop.example", "new")
			fired, err := s.run(func() error { return s.ReplaceCredential(s.Context(), i.ID, i.Providers["emailpass"], next) })
			s.nilOrUnavailable(err, "replacing")
			got := s.get(i.ID).Providers["emailpass"]
			if got.Credential != next.Credential && (err == nil || got.Credential.Reveal() != "hash 1") {
				s.Errorf("replacing gave %v, stored is %q", err, got.Credential.Reveal())
			}
			s.want(nil, s.ReplaceCredential(s.Context(), i.ID, got, next), "replacing what is stored")
			return fired
		})
	},
	"Link": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			fired, err := s.run(func() error { return s.Link(s.Context(), i.ID, "customer", "cus_1") })
			s.nilOrUnavailable(err, "linking")
			if linked := s.get(i.ID).ActorID("customer") == "cus_1"; !linked {
				if err == nil {
					s.Error("not linked")
				}
				s.want(nil, s.Link(s.Context(), i.ID, "customer", "cus_1"), "linking again")
			}
			s.unlink(i.ID, "customer", "cus_1")
			return fired
		})
	},
	"Unlink": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.shopper(1)
			i.AppMetadata["user_id"] = json.RawMessage(`"user_1"`)
			s.create(i)
			fired, err := s.run(func() error {
				_, err := s.Unlink(s.Context(), "customer", "cus_1", s.nextSecond())
				return err
			})
			s.nilOrUnavailable(err, "unlinking")
			if s.get(i.ID).ActorID("customer") != "" {
				if err == nil {
					s.Error("still linked")
				}
				s.unlink(i.ID, "customer", "cus_1")
			}
			got := s.get(i.ID)
			if got.ActorID("customer") != "" || got.ActorID("user") != "user_1" || !got.ValidFrom.Equal(s.nextSecond()) {
				s.Errorf("read %+v", got)
			}
			return fired
		})
	},
	"Unlink the last": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.shopper(1))
			fired, err := s.run(func() error {
				_, err := s.Unlink(s.Context(), "customer", "cus_1", s.nextSecond())
				return err
			})
			s.nilOrUnavailable(err, "unlinking")
			if _, there := s.Identity(s.Context(), i.ID); there == nil {
				if err == nil {
					s.Error("still there")
				}
				s.unlink(i.ID, "customer", "cus_1")
			}
			s.create(s.shopper(2))
			s.oneShopper(2, 1)
			return fired
		})
	},
	"OpenReset": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			fired, err := s.run(func() error { return s.OpenReset(s.Context(), i.ID, "emailpass", s.reset(1)) })
			s.nilOrUnavailable(err, "opening")
			if err == nil {
				s.isOpen(i.ID, 1)
			}
			s.openReset(i.ID, 1)
			s.isOpen(i.ID, 1)
			return fired
		})
	},
	"CloseReset": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.openReset(i.ID, 1)
			fired, err := s.run(func() error { return s.CloseReset(s.Context(), i.ID, "emailpass", hash(1)) })
			s.nilOrUnavailable(err, "closing")
			if again := s.CloseReset(s.Context(), i.ID, "emailpass", hash(1)); again == nil && err == nil {
				s.Error("closed twice")
			}
			s.isOpen(i.ID)
			s.want(identity.ErrStale, s.OpenReset(s.Context(), i.ID, "emailpass", s.reset(1)), "opening again")
			return fired
		})
	},
	"FinishReset": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.openReset(i.ID, 1)
			next := s.entry("emailpass", "a@shop.example", "new")
			fired, err := s.run(func() error { return s.FinishReset(s.Context(), i.ID, hash(1), next, s.nextSecond(), nil) })
			s.nilOrUnavailable(err, "finishing")
			got := s.get(i.ID)
			changed := got.Providers["emailpass"].Credential == next.Credential
			if changed != got.ValidFrom.Equal(s.nextSecond()) || !changed && err == nil {
				s.Errorf("finishing gave %v, read %+v", err, got)
			}
			if !changed {
				s.isOpen(i.ID, 1)
				s.want(nil, s.FinishReset(s.Context(), i.ID, hash(1), next, s.nextSecond(), nil), "finishing again")
			}
			s.isOpen(i.ID)
			return fired
		})
	},
}
