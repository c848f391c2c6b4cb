package dialectv1_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Classes of recorded exchanges.
const (
	goldenReplayed = "replayed"
	goldenJudged   = "judged" // the backend answers, for those whom the verifier lets pass
	goldenLeft     = "left"   // to the backend, whoever asks: the routes are none of the dialect's
)

// goldenRoutes says what becomes of an exchange by its method and path. The first
// match counts; what nothing matches fails the test.
var goldenRoutes = []struct {
	class   string
	pattern *regexp.Regexp
}{
	{goldenReplayed, regexp.MustCompile(`^\w+ /(store|admin)/auth(/|$)`)},
	{goldenReplayed, regexp.MustCompile(`^(POST|OPTIONS) /store/customers(/password-(token|reset))?$`)},
	{goldenReplayed, regexp.MustCompile(`^POST /admin/users/(password-token|reset-password)$`)},
	{goldenLeft, regexp.MustCompile(`^POST /admin/invites/accept$`)}, // what a backend medusa_v1 makes of it: caddymodule
	{goldenJudged, regexp.MustCompile(`^\w+ /store/customers/me(/orders)?$`)},
	{goldenJudged, regexp.MustCompile(`^\w+ /admin/(users|customers|invites|nope|store|products)(/|$)`)},
	{goldenLeft, regexp.MustCompile(`^\w+ /(health|nope|store/(nope|regions|products))$`)},
}

func (e *goldenExchange) class() string {
	for _, r := range goldenRoutes {
		if r.pattern.MatchString(e.Request.Method + " " + e.path()) {
			return r.class
		}
	}
	return ""
}

// goldenDifference is an entry of testdata/golden/differences.json: answers that
// differ from the recorded ones on purpose. What is absent is as recorded.
type goldenDifference struct {
	Reason    string // for the owner of a shop
	Exchanges []string
	Status    int
	Headers   map[string]*string // null for one that is not sent
	Body      *string
	// Verdict of a judged exchange: `refused` or `passes`.
	Verdict string
}

func goldenDifferences(t *testing.T) map[string][]goldenDifference {
	t.Helper()
	data, err := os.ReadFile("testdata/golden/differences.json")
	must(t, err)
	var list []goldenDifference
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	must(t, dec.Decode(&list))
	byName := map[string][]goldenDifference{}
	for _, d := range list {
		if d.Reason == "" || len(d.Exchanges) == 0 {
			t.Errorf("differences.json: an entry without reason or exchanges: %+v", d)
		}
		for _, name := range d.Exchanges {
			byName[name] = append(byName[name], d)
		}
	}
	return byName
}

// apply changes what the difference names; all of it has to change.
func (a goldenAnswer) apply(t *testing.T, name string, d goldenDifference) goldenAnswer {
	t.Helper()
	changed := goldenAnswer{a.status, maps.Clone(a.header), a.body}
	if d.Status != 0 {
		changed.status = d.Status
		if a.status == d.Status {
			t.Errorf("differences.json: %q: the status is as recorded", name)
		}
	}
	if d.Body != nil {
		changed.body = *d.Body
		if a.body == *d.Body {
			t.Errorf("differences.json: %q: the body is as recorded", name)
		}
	}
	for field, value := range d.Headers {
		delete(changed.header, field)
		if value != nil {
			changed.header[field] = *value
		}
		if changed.header[field] == a.header[field] {
			t.Errorf("differences.json: %q: %s is as recorded", name, field)
		}
	}
	return changed
}

// TestGolden replays the exchanges that were recorded from a real Medusa v1 against
// everything that is behind the routes here. Each has a server of its own, with the
// state and the time of the recording. Without a backend of the older kind nobody
// has orders, so they are not compared; all else is as recorded, or exactly as the
// list of differences says, with the reason. Requests that a backend would answer
// are judged: whether their credentials prove somebody of that side of the shop. What
// is for the backend alone must reach it as it was sent.
func TestGolden(t *testing.T) {
	t.Parallel()
	recording := goldenRecording(t)
	differences := goldenDifferences(t)
	classes := map[string]int{}
	matched, different := 0, 0
	for _, e := range recording {
		class := e.class()
		if class == "" {
			t.Errorf("%q (%s %s) is of no class", e.Name, e.Request.Method, e.Request.Path)
		}
		classes[class]++
		own := differences[e.Name]
		delete(differences, e.Name)
		passed := t.Run(e.Name, func(t *testing.T) {
			switch class {
			case goldenJudged:
				judgeGolden(t, e, recording, own)
			case goldenLeft:
				leaveGolden(t, e, recording, own)
			default:
				replayGolden(t, e, recording, own)
			}
		})
		switch {
		case passed && len(own) > 0:
			different++
		case passed:
			matched++
		}
	}
	for name := range differences {
		t.Errorf("differences.json: %q is not replayed", name)
	}
	want := map[string]int{goldenReplayed: 128, goldenJudged: 73, goldenLeft: 8}
	if !maps.Equal(classes, want) { // so that no exchange slips out of the replay
		t.Errorf("got %v, want %v", classes, want)
	}
	t.Logf("%d exchanges: %d matched, %d different on purpose", len(recording), matched, different)
}

// leaveGolden checks that the request is left to the backend as it is. The cookie of
// the recorded answer is the backend's, which no client sees.
func leaveGolden(t *testing.T, e *goldenExchange, recording []*goldenExchange, differences []goldenDifference) {
	t.Helper()
	r := newGolden(t, e, recording).send(e.Request.Method, e.Request.Path, e.Request.Body, e.headers()...)
	if r.status != 299 || r.body != e.Request.Body || r.header["Set-Cookie"] != nil || len(differences) > 0 {
		t.Errorf("%s %s: %d %s, cookies %q, %d differences", e.Request.Method, e.Request.Path, r.status, r.body, r.header["Set-Cookie"], len(differences))
	}
}

func replayGolden(t *testing.T, e *goldenExchange, recording []*goldenExchange, differences []goldenDifference) {
	t.Helper()
	s := newGolden(t, e, recording)
	body := e.Request.Body
	if e.resets() {
		body = strings.Replace(body, e.member("token"), s.goldenReset(e.shown(t)), 1)
	}
	want := e.answer()
	for _, d := range differences {
		want = want.apply(t, e.Name, d)
	}
	r := s.send(e.Request.Method, e.Request.Path, body, e.headers()...)
	if diff := answered(r).diff(want, e.resets()); diff != "" {
		t.Errorf("%s %s at %s:%s", e.Request.Method, e.Request.Path, s.now, diff)
	}
}

// headers are those of the request that matter, in pairs.
func (e *goldenExchange) headers() []string {
	var pairs []string
	for name, value := range e.Request.Headers {
		switch name {
		case "host", "content-length", "connection", "user-agent", "accept", "accept-encoding", "transfer-encoding":
			continue
		}
		pairs = append(pairs, name, value)
	}
	return pairs
}

func judgeGolden(t *testing.T, e *goldenExchange, recording []*goldenExchange, differences []goldenDifference) {
	t.Helper()
	s := newGolden(t, e, recording)
	side := "/store/auth"
	if strings.HasPrefix(e.path(), "/admin/") {
		side = "/admin/auth"
	}
	want := map[bool]string{true: "refused", false: "passes"}[e.Response.Status == 401]
	for _, d := range differences {
		if d.Verdict == want || d.Verdict == "" {
			t.Errorf("differences.json: %q: the verdict is as recorded, or none", e.Name)
		}
		want = d.Verdict
	}
	r := s.send("GET", side, "", e.headers()...)
	got := map[int]string{401: "refused", 200: "passes"}[r.status]
	if got != want {
		t.Errorf("%s %s: %s (%d), want %s", e.Request.Method, e.Request.Path, got, r.status, want)
	}
}
