package identitytest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// SessionLists is a store that lists the sessions of its identities.
type SessionLists interface {
	Store
	SessionStore
	ListSession(ctx context.Context, id string, e identity.SessionEntry, replaced string) (ended []string, err error)
	SeeSession(ctx context.Context, id, session string, used, ends time.Time) error
	UnlistSessions(ctx context.Context, id string, sessions ...string) error
	ListedSessions(ctx context.Context, id string) ([]identity.SessionEntry, error)
}

// RunSessionLists runs the contract of lists of sessions, one sub-test per
// sentence of it.
func RunSessionLists(t *testing.T, newStore NewStore) {
	for name, test := range map[string]func(*listTest){
		"everything is kept":                testListed,
		"nobody has none":                   testListOfNobody,
		"only with a record":                testListedWithoutRecord,
		"not when it has ended":             testListedUntilItsEnd,
		"seen":                              testSeen,
		"unlisted":                          testUnlisted,
		"the hundred used last":             testListIsBounded,
		"bounded before their records":      testListIsBoundedEarly,
		"what is replaced does not count":   testListReplaces,
		"faults leave no pushed one alive":  testListPushFaults,
		"goes with the identity":            testListGoes,
		"as long as the longest":            testListLives,
		"20 at once are all listed":         testListedAtOnce,
		"faults leave no session unlisted":  testListFaults,
		"a context that ended is no answer": testListContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStoreTest(t, newStore)
			test(&listTest{s, s.Store.(SessionLists)})
		})
	}
}

type listTest struct {
	*storeTest
	lists SessionLists
}

func (t *listTest) entry(n int) identity.SessionEntry {
	now := milli(t.clock.Now())
	return identity.SessionEntry{
		ID: fmt.Sprintf("ses_%d", n), SID: fmt.Sprintf("sid%d", n), CreatedAt: now.Add(-time.Hour), UsedAt: now,
		ExpiresAt: now.Add(time.Hour), IssuedAt: now.Unix(), Address: "192.0.2.1", Agent: `Käthe's "<browser>"`,
		ActorTypes: []string{"customer", "user"}, Shared: n%2 == 1,
	}
}

// list lists a session in place of another and returns those that ended.
func (t *listTest) list(want error, id string, e identity.SessionEntry, replaced string) (ended []string) {
	t.Helper()
	ended, err := t.lists.ListSession(t.Context(), id, e, replaced)
	t.want(want, err, "listing")
	return ended
}

// start lists a session and writes its record, as a log-in does.
func (t *listTest) start(id string, e identity.SessionEntry) {
	t.Helper()
	t.list(nil, id, e, "")
	t.want(nil, t.lists.SaveSession(t.Context(), e.SID, []byte("{}"), time.Hour), "saving")
}

// wantListed fails the test unless those sessions are listed, by public id.
func (t *listTest) wantListed(id string, want ...string) {
	t.Helper()
	listed, err := t.lists.ListedSessions(t.Context(), id)
	t.want(nil, err, "reading the list")
	got := []string{}
	for _, e := range listed {
		got = append(got, e.ID)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("listed are %q, want %q", got, want)
	}
}

func testListed(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"), t.person(2, "b@shop.example"))
	odd, plain := t.entry(1), t.entry(2)
	plain.Address, plain.Agent, plain.ActorTypes = "", "", []string{"customer"}
	t.start(i.ID, odd)
	t.start(i.ID, plain)
	listed, err := t.lists.ListedSessions(t.Context(), i.ID)
	t.want(nil, err, "reading the list")
	slices.SortFunc(listed, func(a, b identity.SessionEntry) int { return strings.Compare(a.ID, b.ID) })
	for n, e := range listed {
		for _, at := range []*time.Time{&e.CreatedAt, &e.UsedAt, &e.ExpiresAt} {
			*at = at.In(t.clock.Now().Location())
		}
		listed[n] = e
	}
	if want := []identity.SessionEntry{odd, plain}; !reflect.DeepEqual(listed, want) {
		t.Errorf("listed\n%+v, want\n%+v", listed, want)
	}
	t.wantListed(t.person(2, "").ID)
}

func testListOfNobody(t *listTest) {
	for _, id := range []string{"authid_01TEST", "", "{}", "a}{b"} {
		t.list(identity.ErrNotFound, id, t.entry(1), "")
		t.want(nil, t.lists.SeeSession(t.Context(), id, "ses_1", t.clock.Now(), t.clock.Now()), "seeing")
		t.want(nil, t.lists.UnlistSessions(t.Context(), id, "ses_1"), "unlisting")
		t.wantListed(id)
	}
}

func testListedWithoutRecord(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	t.list(nil, i.ID, t.entry(1), "")
	t.wantListed(i.ID) // its record is about to be written
	t.want(nil, t.lists.SaveSession(t.Context(), "sid1", []byte("{}"), time.Hour), "saving")
	t.wantListed(i.ID, "ses_1")
	t.want(nil, t.lists.DeleteSession(t.Context(), "sid1"), "deleting")
	t.wantListed(i.ID)
	t.clock.Forward(10 * time.Minute)
	t.wantListed(i.ID) // and now it is off the list
	t.want(nil, t.lists.SaveSession(t.Context(), "sid1", []byte("{}"), time.Hour), "saving")
	t.wantListed(i.ID)
}

func testListedUntilItsEnd(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	t.start(i.ID, t.entry(1))
	t.clock.Forward(time.Hour - time.Second)
	t.wantListed(i.ID, "ses_1")
	t.clock.Forward(time.Second)
	t.wantListed(i.ID)
}

func testSeen(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	was := t.entry(1)
	t.start(i.ID, was)
	see := func(used, ends time.Time) {
		t.Helper()
		t.want(nil, t.lists.SeeSession(t.Context(), i.ID, "ses_1", used, ends), "seeing")
	}
	later, end := was.UsedAt.Add(time.Minute), was.ExpiresAt.Add(time.Minute)
	see(later, end)
	see(was.UsedAt, was.ExpiresAt) // by a node that is late
	t.want(nil, t.lists.SeeSession(t.Context(), i.ID, "ses_2", later, end), "seeing another")
	listed, err := t.lists.ListedSessions(t.Context(), i.ID)
	t.want(nil, err, "reading the list")
	if len(listed) != 1 || !listed[0].UsedAt.Equal(later) || !listed[0].ExpiresAt.Equal(end) || listed[0].Agent != was.Agent || listed[0].SID != was.SID {
		t.Errorf("listed %+v", listed)
	}
}

func testUnlisted(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	for n := range 3 {
		t.start(i.ID, t.entry(n))
	}
	t.want(nil, t.lists.UnlistSessions(t.Context(), i.ID), "unlisting none")
	t.want(nil, t.lists.UnlistSessions(t.Context(), i.ID, "ses_0", "ses_2", "ses_9"), "unlisting")
	t.wantListed(i.ID, "ses_1")
}

func testListGoes(t *listTest) {
	for name, end := range map[string]func(t *listTest, i *identity.Identity) error{
		"Unlink": func(t *listTest, i *identity.Identity) error {
			t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
			_, err := t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond())
			return err
		},
		"DeleteBare": func(t *listTest, i *identity.Identity) error { return t.DeleteBare(t.Context(), i.ID, "emailpass") },
	} {
		s := t.again()
		t := &listTest{s, s.Store.(SessionLists)}
		i := t.create(t.person(1, "a@shop.example"))
		t.start(i.ID, t.entry(1))
		t.want(nil, end(t, i), name)
		t.wantListed(i.ID)
		t.list(identity.ErrNotFound, i.ID, t.entry(2), "")
		t.wantListed(i.ID)
	}
}

// testListLives: the list must not end before its longest session.
func testListLives(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	const soon = 200 * time.Millisecond
	short, long := t.entry(1), t.entry(2)
	short.ExpiresAt = short.UsedAt.Add(soon)
	t.start(i.ID, long)
	t.start(i.ID, short)
	other := t.create(t.person(2, "b@shop.example"))
	t.start(other.ID, short)
	t.want(nil, t.lists.SeeSession(t.Context(), other.ID, short.ID, short.UsedAt, short.UsedAt.Add(time.Hour)), "seeing")
	third := t.create(t.person(3, "c@shop.example"))
	t.start(third.ID, short)
	for t.Context().Err() == nil { // until the server dropped the short one
		listed, err := t.lists.ListedSessions(t.Context(), third.ID)
		t.want(nil, err, "reading the list")
		if len(listed) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	t.wantListed(i.ID, short.ID, long.ID) // the clock of the store stands still
	t.wantListed(other.ID, short.ID)
}

func testListedAtOnce(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	var want []string
	for n := range 20 {
		want = append(want, t.entry(n).ID)
	}
	for _, err := range t.parallel(20, func(n int) error {
		if _, err := t.lists.ListSession(t.Context(), i.ID, t.entry(n), ""); err != nil {
			return err
		}
		return t.lists.SaveSession(t.Context(), t.entry(n).SID, []byte("{}"), time.Hour)
	}) {
		t.want(nil, err, "starting")
	}
	t.wantListed(i.ID, want...)
}

func testListFaults(t *listTest) {
	t.eachStep(func(s *step) bool {
		t := &listTest{s.storeTest, s.Store.(SessionLists)}
		i := t.create(t.person(1, "a@shop.example"))
		t.start(i.ID, t.entry(0))
		e := t.entry(1)
		fired, err := s.run(func() error {
			if _, err := t.lists.ListSession(t.Context(), i.ID, e, ""); err != nil {
				return err
			}
			if err := t.lists.SaveSession(t.Context(), e.SID, []byte("{}"), time.Hour); err != nil {
				return err
			}
			return t.lists.SeeSession(t.Context(), i.ID, e.ID, e.UsedAt, e.ExpiresAt)
		})
		t.nilOrUnavailable(err, "starting")
		if _, err := t.lists.LoadSession(t.Context(), e.SID); err == nil {
			t.wantListed(i.ID, "ses_0", "ses_1")
		} else {
			t.wantListed(i.ID, "ses_0")
		}
		return fired
	})
}

func testListContext(t *listTest) {
	i := t.create(t.person(1, "a@shop.example"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range ListCalls(t.lists, i.ID) {
		if err := call(ctx); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: got %v, want %s", name, err, identity.CodeUnavailable)
		}
	}
}

// ListCalls returns a call of every method about the list of an identity's
// sessions, by name.
func ListCalls(s SessionLists, id string) map[string]func(ctx context.Context) error {
	now := time.Now()
	e := identity.SessionEntry{ID: "ses_1", SID: sid, CreatedAt: now, UsedAt: now, ExpiresAt: now.Add(time.Hour), ActorTypes: []string{"customer"}}
	return map[string]func(ctx context.Context) error{
		"ListSession":    func(ctx context.Context) error { _, err := s.ListSession(ctx, id, e, ""); return err },
		"SeeSession":     func(ctx context.Context) error { return s.SeeSession(ctx, id, e.ID, now, now) },
		"UnlistSessions": func(ctx context.Context) error { return s.UnlistSessions(ctx, id, e.ID) },
		"ListedSessions": func(ctx context.Context) error { _, err := s.ListedSessions(ctx, id); return err },
	}
}
