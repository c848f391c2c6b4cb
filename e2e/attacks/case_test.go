//go:build unix

package attacks

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// attack is one entry of the corpus: its requests are every combination of
// hosts, methods, targets, credentials and protocols. Texts may hold <<names>> of
// credentials (credentials_test.go).
type attack struct {
	// Row is that of the list of attacks; "none" for what must keep working.
	Row  string `json:"row"`
	Name string `json:"name"`
	// Hosts are sites, by host name or, with `@`, the name to ask for behind the
	// site whose address is used: `SHOP.test@shop.test`. Default: shop.test.
	Hosts   []string `json:"hosts"`
	Methods []string `json:"methods"` // default: GET
	Targets []string `json:"targets"` // as they stand in the request line; default: /store/x
	// Credentials are names of credentials. Default: none.
	Credentials []string    `json:"credentials"`
	Fields      [][2]string `json:"fields"` // in that order, as they are spelled
	// Exact: HTTP/2 and HTTP/3 get the names as they are spelled, too.
	Exact bool `json:"exact"`
	// EachField is one request for each of these, with Fields beside it.
	EachField [][2]string `json:"each_field"`
	Body      string      `json:"body"`
	// Bodies is one request for each.
	Bodies   []string    `json:"bodies"`
	Trailers [][2]string `json:"trailers"`
	// Protocols are h1, h2 and h3. Default: all.
	Protocols []string `json:"protocols"`
	// Wire is the whole of what is sent over h1 instead. `<<case>>` stands for the
	// field that tells the backend which case it is. A harmless request follows it.
	Wire []string `json:"wire"`

	Verdict string `json:"verdict"` // a key of verdicts
	// Broken: the protocol itself may refuse it, without an answer.
	Broken bool `json:"broken"`
	// As is whom the backend must be told of, by name. Default: nobody.
	As string `json:"as"`
	// Seen are fields that the backend must have got exactly once, with that value.
	Seen [][2]string `json:"seen"`
	// Unseen is what must stand nowhere in what the backend got, in any case.
	Unseen []string `json:"unseen"`
	// Anybody: it may be whoever the credential proves, or nobody.
	Anybody bool `json:"anybody"`
	// Answer are fields of the answer, Unanswered is what must stand nowhere in it.
	Answer     [][2]string `json:"answer"`
	Unanswered []string    `json:"unanswered"`
	Cookie     bool        `json:"cookie"` // the answer may set one

	file string
}

// verdict is what must become of a request.
type verdict struct {
	reached  bool
	statuses []int
	either   bool // reached or not, as what it can be read as allows
}

// verdicts are the outcomes that the corpus names.
var verdicts = map[string]verdict{
	"passes":            {true, []int{200}, false},
	"protected":         {false, []int{401}, false},
	"refused":           {false, []int{400}, false},
	"forbidden":         {false, []int{403}, false},
	"answered":          {false, []int{200}, false},
	"preflight":         {false, []int{200, 204}, false},
	"refused by origin": {false, []int{401, 403}, false},
	"bad, 401 or 415":   {false, []int{400, 401, 415}, false},
	"template":          {false, []int{200, 201, 400, 401}, false},
	"wire":              {true, []int{200, 400, 401, 408, 411, 413, 431, 501, 502, 505}, true}, // whatever the server reads it as, the backend reads the same
	"created":           {false, []int{201}, false},
	"no content":        {false, []int{204}, false},
	"ours":              {false, []int{200, 400, 401, 404, 405}, false}, // whatever it is, the backend does not see it
	"not found":         {false, []int{404}, false},
	"bad or 401":        {false, []int{400, 401}, false},
	"bad or 404":        {false, []int{400, 404}, false},
	"too large":         {false, []int{400, 401, 413, 431}, false},
	"kept out":          {false, []int{400, 401, 404, 405, 414, 200}, false},
	"either":            {true, []int{200, 400, 401, 404, 502}, true},
	"nobody there":      {false, []int{200, 400, 404, 421}, false}, // no site of ours: Caddy's own answer
}

var expanded atomic.Int64 // numbers the requests

// request is one of an attack's requests.
type request struct {
	*attack
	host, site, method, target, credential, protocol, body, wire string
	fields                                                       [][2]string
	id                                                           string // in the field X-Case
}

func (r *request) String() string {
	about := fmt.Sprintf("%s %q: %s %s %s %s %q", r.Row, r.Name, r.protocol, r.host, r.method, r.target, r.fields)
	if r.wire != "" {
		about = fmt.Sprintf("%s %q: %q", r.Row, r.Name, r.wire)
	}
	if r.credential != "" {
		about += " by " + r.credential
	}
	if len(about) > 200 {
		about = about[:200] + "…"
	}
	return about
}

// corpus reads every file of the folder.
func corpus(t testing.TB) []*attack {
	t.Helper()
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	var all []*attack
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []*attack
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields() // a typo must not turn a check off
		if err := decoder.Decode(&list); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, a := range list {
			a.file = strings.TrimSuffix(file, ".json")
			if err := a.check(); err != nil {
				t.Fatalf("%s: %s %q: %v", file, a.Row, a.Name, err)
			}
		}
		all = append(all, list...)
	}
	return all
}

var rowPattern = regexp.MustCompile(`^([A-K][1-9][0-9]?|none)$`)

func (a *attack) check() error {
	if !rowPattern.MatchString(a.Row) || a.Name == "" {
		return fmt.Errorf("no row or no name")
	}
	v, known := verdicts[a.Verdict]
	if !known {
		return fmt.Errorf("unknown verdict %q", a.Verdict)
	}
	if !v.reached && (len(a.Seen) > 0 || a.As != "") {
		return fmt.Errorf("says what the backend sees of what must not reach it")
	}
	if len(a.Wire) > 0 && (len(a.Fields) > 0 || a.Body != "" || len(a.Targets) > 0) {
		return fmt.Errorf("says in two ways what is sent")
	}
	return nil
}

var allProtocols = []string{"h1", "h2", "h3"}

// requests expands the attack.
func (a *attack) requests() (list []*request) {
	add := func(r request) {
		r.attack = a
		r.id = fmt.Sprintf("%s-%s-%d-%d", a.file, a.Row, expanded.Add(1), len(list))
		list = append(list, &r)
	}
	for _, wire := range a.Wire {
		add(request{host: "shop.test", site: "shop.test", method: "GET", wire: wire, protocol: "h1"})
	}
	if len(a.Wire) > 0 {
		return list
	}
	each := [][][2]string{a.Fields}
	if len(a.EachField) > 0 {
		each = nil
		for _, field := range a.EachField {
			each = append(each, slices.Concat(a.Fields, [][2]string{field}))
		}
	}
	for _, host := range orDefault(a.Hosts, "shop.test") {
		host, site, _ := strings.Cut(host, "@")
		for _, method := range orDefault(a.Methods, "GET") {
			for _, target := range orDefault(a.Targets, "/store/x") {
				for _, credential := range orDefault(a.Credentials, "") {
					for _, body := range orDefault(a.Bodies, a.Body) {
						for _, fields := range each {
							for _, protocol := range orDefault(a.Protocols, allProtocols...) {
								add(request{host: host, site: cmp.Or(site, host), method: method, target: target, credential: credential, protocol: protocol, body: body, fields: fields})
							}
						}
					}
				}
			}
		}
	}
	return list
}

func orDefault(list []string, otherwise ...string) []string {
	if len(list) == 0 {
		return otherwise
	}
	return list
}
