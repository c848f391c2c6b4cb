package identitytest

import (
	"errors"
	"slices"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// mostListed is how many sessions an identity has at most.
const mostListed = 100

// alive fails the test unless the sessions alone have records of the first count.
func (t *listTest) alive(count int, want ...string) {
	t.Helper()
	var got []string
	for n := range count {
		switch _, err := t.lists.LoadSession(t.Context(), t.entry(n).SID); {
		case err == nil:
			got = append(got, t.entry(n).ID)
		case !errors.Is(err, identity.ErrNotFound):
			t.Fatal(err)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%d live, want %d: %q", len(got), len(want), got)
	}
}

// tooMany lists a session for which there is no place and returns those that ended.
func (t *listTest) tooMany(id string, e identity.SessionEntry) (ended []string) {
	t.Helper()
	ended, err := t.lists.ListSession(t.Context(), id, e, "")
	if identity.CodeOf(err) != identity.CodeUnavailable {
		t.Fatalf("got %v, want %s", err, identity.CodeUnavailable)
	}
	return ended
}

// testListIsBounded: those used longest ago leave the list, and their records go.
func testListIsBounded(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	var want, ended []string
	for n := range mostListed + 3 {
		t.clock.Forward(time.Millisecond)
		e := t.entry(n)
		ended = append(ended, t.list(nil, i.ID, e, "")...)
		t.want(nil, t.lists.SaveSession(t.Context(), e.SID, []byte("{}"), time.Hour), "saving")
		if n == 50 { // the first one is used
			t.want(nil, t.lists.SeeSession(t.Context(), i.ID, "ses_0", e.UsedAt, e.ExpiresAt), "seeing")
		}
		if n == 0 || n > 3 {
			want = append(want, e.ID)
		}
	}
	t.wantListed(i.ID, slices.Clone(want)...)
	t.alive(mostListed+3, want...)
	if !slices.Equal(ended, []string{"sid1", "sid2", "sid3"}) {
		t.Errorf("ended %q", ended)
	}
	if ended := t.list(nil, i.ID, t.entry(50), ""); len(ended) != 0 { // one that is on it
		t.Errorf("listing it again ended %q", ended)
	}
}

// testListIsBoundedEarly: one whose record is not written yet stays on the list, so
// that it ends when there are still too many, and there are never twice too many.
func testListIsBoundedEarly(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	for n := range 2 * mostListed {
		t.clock.Forward(time.Millisecond)
		if ended := t.list(nil, i.ID, t.entry(n), ""); len(ended) != 0 {
			t.Fatalf("ended %q, which have no records", ended)
		}
	}
	t.clock.Forward(time.Millisecond)
	last := t.entry(2 * mostListed)
	if ended := t.tooMany(i.ID, last); len(ended) != 0 {
		t.Errorf("ended %q", ended)
	}
	var want []string
	for n := range 2 * mostListed {
		e := t.entry(n)
		t.want(nil, t.lists.SaveSession(t.Context(), e.SID, []byte("{}"), time.Hour), "saving")
		want = append(want, e.ID)
	}
	t.wantListed(i.ID, slices.Clone(want)...)
	if ended := t.tooMany(i.ID, last); len(ended) != mostListed+1 { // and there is place
		t.Errorf("%d ended", len(ended))
	}
	t.start(i.ID, last)
	want = append(want[mostListed+1:], last.ID)
	t.wantListed(i.ID, slices.Clone(want)...)
	t.alive(2*mostListed+1, slices.Clone(want)...)

	// Those that never get a record are in nobody's way for long.
	j := t.create(t.person(2, "b@shop.example"))
	for n := range 2 * mostListed {
		t.list(nil, j.ID, t.entry(1000+n), "")
	}
	t.clock.Forward(10 * time.Minute)
	t.tooMany(j.ID, t.entry(2000))
	t.start(j.ID, t.entry(2000))
	t.wantListed(j.ID, "ses_2000")
}

// testListReplaces: a log-in that takes the place of a session ends no other one,
// nor that one: whoever ends it must know that they did.
func testListReplaces(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	var want []string
	for n := range mostListed {
		t.clock.Forward(time.Millisecond)
		t.start(i.ID, t.entry(n))
		want = append(want, t.entry(n).ID)
	}
	t.clock.Forward(time.Millisecond)
	if ended := t.list(nil, i.ID, t.entry(mostListed), "ses_0"); len(ended) != 0 {
		t.Errorf("ended %q", ended)
	}
	t.alive(mostListed+1, want...)
	t.wantListed(i.ID, slices.Clone(want)...)
}

// testListPushFaults: whatever fails, no session lives that is not listed.
func testListPushFaults(t *listTest) {
	t.eachStepOf(AllFaults["reply lost"], func(s *step) bool {
		t := &listTest{s.storeTest, s.Store.(SessionLists)}
		i := t.create(t.person(1, "a@shop.example"))
		for n := range mostListed + 2 { // two of them are too many
			t.clock.Forward(time.Millisecond)
			t.list(nil, i.ID, t.entry(n), "")
		}
		for n := range mostListed + 2 {
			t.want(nil, t.lists.SaveSession(t.Context(), t.entry(n).SID, []byte("{}"), time.Hour), "saving")
		}
		t.clock.Forward(time.Millisecond)
		e := t.entry(mostListed + 2)
		fired, err := s.run(func() error {
			if _, err := t.lists.ListSession(t.Context(), i.ID, e, ""); err != nil {
				return err
			}
			return t.lists.SaveSession(t.Context(), e.SID, []byte("{}"), time.Hour)
		})
		t.nilOrUnavailable(err, "starting")
		t.allListed(i.ID, mostListed+3)
		t.clock.Forward(10 * time.Minute)
		next := t.entry(mostListed + 3)
		t.start(i.ID, next)
		t.allListed(i.ID, mostListed+4)
		listed, err := t.lists.ListedSessions(t.Context(), i.ID)
		t.want(nil, err, "reading the list")
		if len(listed) > mostListed {
			t.Fatalf("%d are listed after all", len(listed))
		}
		return fired
	})
}

// allListed fails the test unless the sessions that have records of the first count
// are those that are listed.
func (t *listTest) allListed(id string, count int) {
	t.Helper()
	listed, err := t.lists.ListedSessions(t.Context(), id)
	t.want(nil, err, "reading the list")
	var ids []string
	for _, e := range listed {
		ids = append(ids, e.ID)
	}
	t.alive(count, ids...)
}
