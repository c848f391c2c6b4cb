package httpapi

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

// nodeMessages is what Express's JSON parser does: anything but an object or an
// array is reported as if its first unit were unexpected, by putting a text in
// place of it that is no JSON.
const nodeMessages = `
const inputs = JSON.parse(require("fs").readFileSync(0, "utf8"));
function message(text) {
  const first = /^[ \t\n\r]*([^ \t\n\r])/.exec(text)?.[1];
  const strict = first !== "{" && first !== "[";
  const at = strict && first !== undefined ? text.indexOf(first) : -1;
  const parsed = !strict ? text : at < 0 ? "" : text.slice(0, at) + "#".repeat(text.length - at);
  try {
    JSON.parse(parsed);
    return "";
  } catch (e) {
    return strict ? e.message.replace(/#+/g, (run) => text.slice(at, at + run.length)) : e.message;
  }
}
process.stdout.write(JSON.stringify({ version: process.version, messages: inputs.map(message) }));
`

// syntaxSeeds are bodies with one mistake each, and some without.
var syntaxSeeds = []string{
	``, ` `, "\n\t ", `null`, `"abc"`, `1`, `-`, `true`, `NaN`, `undefined`, `Infinity`, `x`, `'a'`, "\u00a0{}", `é`, `😀`,
	`   "a rather long text that is no object"`, `            x            `, `[object Object]`, `  [object Object]`,
	`{}`, `[]`, ` { } `, `[ ]`, `[[[]]]`, `{"a":{"b":[1,2.5e-3,true,false,null,"\u00e9\n"]}}`,
	`{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{1}`, `{,}`, `{'a':1}`, `{"a" 1}`, `{"a",1}`, `{]`,
	`{"a":1 "b":2}`, `{"a":1,"b"}`, `{"a":1,"b" 2}`, `{"a":1,"b""c"}`, `{"a":1,"b"`, `{"a":1,b:2}`, `{"a":}`, `{"a":1]`, `{"a":[1}`,
	`[`, `[1`, `[1,`, `[1,]`, `[,`, `[1 2]`, `["a" "b"]`, `["a":1]`, `[}`, `[1}`, `[{]`, `[{},`, `[1]]`, `[1]x`, `{}{`, `[]"a"`, `[]1`,
	`[tru]`, `[tru`, `[truE]`, `[tru1]`, `[tru"]`, `[nul,`, `[nul`, `[falsy]`, `[true false]`, `[truefalse]`, `[t`, `[n]`,
	`[-]`, `[-`, `[-a]`, `[--1]`, `[-Infinity]`, `[01]`, `[-01]`, `[00`, `[1.]`, `[1.`, `[1.e5]`, `[1e]`, `[1e+]`, `[1e+x]`, `[.5]`, `[+1]`,
	`[1.5.5]`, `[0x1]`, `[1e5.5]`, `[1e999,-0,0.0]`, `[123456789012345678901234567890]`,
	`["a`, `["`, `["a\`, `["\x"]`, `["\u12"]`, `["\u`, `["\uzzzz"]`, `["\u000g"]`, `["\ud800"]`, `["\ud83d\ude00"]`, "[\"a\nb\"]", "[\"\x00\"]", "[\"\x7f\"]",
	"[\u00a0]", "[1\u00a0]", "[\ufeff]", `[😀]`, `{"a":😀}`, `{"a":"😀",b}`, `["😀",😀,"😀"]`, "[\u2028]",
	`[1,2,3,4,5,6,7,8,9,10,x,12,13,14]`, `[1,2,3,4,😀x,6,7,8,9,10]`, `[1,2,3,4,5,6,7,8,😀,9]`, `[,2,3,4,5,6,7,8,9,10,11,12]`,
	`{"email":"a@b.c"`, `{"email":"a@b.c","password":"x`, `{"email": a@b.c, "password": "x"}`, `email=a&password=b`, `<html></html>`,
	`{"__proto__":{"a":1},"a":1,"a":2}`,
}

// mutations returns the seeds and n texts that differ from one in a few places.
func mutations(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []rune(`{}[]",:'\/ bfnrtu0123456789.eE+-trufalsnx` + "\n\t\r\b\f\x00\x1f\u00a0é😀#")
	texts := slices.Clone(syntaxSeeds)
	for range n {
		t := []rune(syntaxSeeds[r.IntN(len(syntaxSeeds))])
		for range 1 + r.IntN(3) {
			piece, at := pieces[r.IntN(len(pieces))], r.IntN(len(t)+1)
			switch r.IntN(4) {
			case 0:
				t = slices.Insert(t, at, piece)
			case 1:
				t = t[:at]
			case 2:
				if at < len(t) {
					t = slices.Delete(t, at, at+1)
				}
			case 3:
				if at < len(t) {
					t[at] = piece
				}
			}
		}
		texts = append(texts, string(t))
	}
	return texts
}

// TestSyntaxErrorsAreThoseOfNode compares with the JavaScript engine itself,
// which must be that of Node 20: later ones word some messages otherwise.
func TestSyntaxErrorsAreThoseOfNode(t *testing.T) {
	t.Parallel()
	texts := mutations(4000)
	input, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "-e", nodeMessages)
	node.Stdin = strings.NewReader(string(input))
	output, err := node.Output()
	if err != nil {
		t.Fatalf("running node: %v", err)
	}
	var got struct {
		Version  string            `json:"version"`
		Messages []json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.Version, "v20.") {
		t.Fatalf("this test needs Node 20, found %s", got.Version)
	}
	refused := 0
	for i, src := range texts {
		ours, err := messageFor(src).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, got.Messages[i]) {
			t.Errorf("%q: got %s, want %s", src, ours, got.Messages[i])
		}
		if string(ours) != `""` {
			refused++
		}
	}
	if refused < len(texts)/2 || refused == len(texts) {
		t.Errorf("%d of %d texts were refused: the corpus is of no use", refused, len(texts))
	}
}

// messageFor returns the message with which a JSON body is refused, or "".
func messageFor(src string) text {
	if _, err := parseJSON(src); err != nil {
		return text(err.(*wire.ParserError).Message)
	}
	return ""
}

// TestSyntaxErrorQuotesHalfACharacter: V8 counts in UTF-16 units and quotes one
// of them, so the message may hold half of a pair.
func TestSyntaxErrorQuotesHalfACharacter(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`[😀]`:                           `"Unexpected token '\ud83d', \"[😀]\" is not valid JSON"`,
		`[  "😀",1234567890,12345,x`:     `"Unexpected token 'x', ...\"890,12345,x\" is not valid JSON"`,
		`[1,2,😀,7,8,9,0,x,1,2,3,4,5,6]`: `"Unexpected token '\ud83d', \"[1,2,😀,7,8,9,0\"... is not valid JSON"`,
		`["12😀5678901",x,1234567890]`:   `"Unexpected token 'x', ...\"\ude005678901\",x,12345678\"... is not valid JSON"`,
		`{"a":1} <script>`:              `"Unexpected non-whitespace character after JSON at position 8"`,
		"\"\u2028<&>\x7f\x01\"":         "\"Unexpected token '\\\"', \\\"\\\"\u2028<&>\x7f\\u0001\\\"\\\" is not valid JSON\"",
	} {
		got, err := messageFor(src).MarshalJSON()
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, want %s (%v)", src, got, want, err)
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if got := messageFor(deep); got != "" {
		t.Errorf("got %q", got)
	}
	for _, src := range []string{"[" + deep + "]", strings.Repeat("[", 60000), strings.Repeat(`{"a":`, maxDepth+1)} {
		if got, want := messageFor(src), text("Too many nested values in JSON at position "); !strings.HasPrefix(string(got), string(want)) {
			t.Errorf("got %q", got)
		}
	}
}

// FuzzV8Error: the scanner and encoding/json agree on what is JSON, and every
// message can be sent.
func FuzzV8Error(f *testing.F) {
	for _, seed := range syntaxSeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if !utf8.ValidString(src) {
			return
		}
		message := syntaxError(src)
		if valid := json.Valid([]byte(src)); valid != (message == "") {
			t.Errorf("%q: valid %t, message %q", src, valid, message)
		}
		for _, m := range []text{message, strictError(src)} {
			data, err := m.MarshalJSON()
			if err != nil || !json.Valid(data) || !utf8.Valid(data) {
				t.Errorf("%q: message %q is not JSON: %v", src, data, err)
			}
		}
	})
}
