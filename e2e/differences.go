//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// difference is an entry of the file of differences: what of an answer through the
// sidecar is not as the backend alone answers, on purpose.
type difference struct {
	// Reason is for the owner of a shop.
	Reason string
	// Exchanges by name; * stands for any text without a slash.
	Exchanges []string
	// What of the answer differs: "status", "body", or the name of a header.
	// Each as the backend answers alone and as the sidecar does; "" is a header that is
	// not sent, and "…" any text.
	Answer map[string][2]string

	used map[string]bool // by exchange pattern and part
}

// change is one part of an answer that is not the same on both sides.
type change struct {
	exchange, part string
	values         [2]string // alone, and through the sidecar
}

// changes lists how two answers differ.
func changes(name string, alone, front Answer) []change {
	var found []change
	compare := func(part, a, b string) {
		if a != b {
			found = append(found, change{name, part, [2]string{a, b}})
		}
	}
	compare("status", strconv.Itoa(alone.Status), strconv.Itoa(front.Status))
	compare("body", alone.Body, front.Body)
	names := slices.AppendSeq(slices.Collect(maps.Keys(alone.Header)), maps.Keys(front.Header))
	slices.Sort(names)
	for _, header := range slices.Compact(names) {
		compare(header, strings.Join(alone.Header[header], " | "), strings.Join(front.Header[header], " | "))
	}
	return found
}

// readDifferences returns the entries of the file.
func readDifferences(t *testing.T, file string) []*difference {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []*difference
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil {
		t.Fatalf(file+": %v", err)
	}
	for _, d := range list {
		d.used = make(map[string]bool)
		if d.Reason == "" || len(d.Exchanges) == 0 || len(d.Answer) == 0 {
			t.Errorf(file+": an entry without a reason, exchanges or an answer: %+v", *d)
		}
	}
	return list
}

// intends reports whether the entry names that change, and notes that it does.
func (d *difference) intends(t *testing.T, c change) bool {
	t.Helper()
	want, ok := d.Answer[c.part]
	if !ok || !fits(want[0], c.values[0]) || !fits(want[1], c.values[1]) {
		return false
	}
	found := false
	for _, pattern := range d.Exchanges {
		match, err := path.Match(pattern, c.exchange)
		if err != nil {
			t.Fatalf("exchange %q: %v", pattern, err)
		}
		if match {
			d.used[pattern], d.used[c.part], found = true, true, true
		}
	}
	return found
}

// fits reports whether the value is as an entry has it.
func fits(pattern, value string) bool {
	before, after, wild := strings.Cut(pattern, "…")
	if !wild {
		return pattern == value
	}
	return len(value) >= len(before)+len(after) && strings.HasPrefix(value, before) && strings.HasSuffix(value, after)
}

// unused lists the exchanges and parts of the entry that no change was about.
func (d *difference) unused() []string {
	var list []string
	for _, name := range slices.Concat(d.Exchanges, slices.Sorted(maps.Keys(d.Answer))) {
		if !d.used[name] {
			list = append(list, name)
		}
	}
	return list
}

// Exchange is a request, by its name, and the answer without what differs from
// run to run.
type Exchange struct {
	Name   string
	Answer Answer
}

// Compare checks that the same requests got the same answers from a backend alone
// and from the sidecar before it, but for the differences that the file gives
// reasons for, all of which there must be.
func Compare(t *testing.T, file string, alone, front []Exchange) {
	t.Helper()
	if len(alone) != len(front) {
		t.Fatalf("%d and %d exchanges", len(alone), len(front))
	}
	intended := readDifferences(t, file)
	names := make(map[string]bool)
	for i, a := range alone {
		f := front[i]
		if a.Name != f.Name || names[a.Name] {
			t.Fatalf("exchange %d is %q and %q, or a name occurs twice", i, a.Name, f.Name)
		}
		names[a.Name] = true
		for _, c := range changes(a.Name, a.Answer, f.Answer) {
			if !slices.ContainsFunc(intended, func(d *difference) bool { return d.intends(t, c) }) {
				t.Errorf("%s: %s\n\talone   %s\n\tsidecar %s", c.exchange, c.part, c.values[0], c.values[1])
			}
		}
	}
	for _, d := range intended {
		if left := d.unused(); len(left) > 0 {
			t.Errorf("%s: %q is not to be seen: %q", file, d.Reason, left)
		}
	}
	t.Logf("%d exchanges", len(alone))
}
