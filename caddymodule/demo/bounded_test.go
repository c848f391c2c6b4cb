package demo

import (
	"reflect"
	"testing"
)

func TestBoundedForgetsTheOldest(t *testing.T) {
	t.Parallel()
	b := newBounded[string](2)
	b.add("one", "id:1", "email:1")
	b.add("two", "id:2", "email:2")
	b.add("three", "id:3", "email:3")
	for _, key := range []string{"id:1", "email:1"} {
		if got := b.find(key); got != nil {
			t.Errorf("%s: got %q, want it forgotten", key, *got)
		}
	}
	if got := b.page(0, 10); !reflect.DeepEqual(got, []string{"two", "three"}) {
		t.Errorf("got %q", got)
	}
	if len(b.index) != 4 {
		t.Errorf("%d keys for two values, want 4", len(b.index))
	}
	if !b.remove("email:2") || b.remove("id:2") || b.find("email:2") != nil {
		t.Error("a removed value is still there under another key")
	}
	b.add("four", "id:4")
	if got := b.page(1, 1); !reflect.DeepEqual(got, []string{"four"}) {
		t.Errorf("got %q", got)
	}
}
