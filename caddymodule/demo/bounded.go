package demo

import "container/list"

// bounded holds at most max values, each under one or more keys, in the order
// in which they came. When it is full the oldest value makes room.
type bounded[T any] struct {
	max   int
	order *list.List // of *held[T], oldest first
	index map[string]*list.Element
}

type held[T any] struct {
	keys  []string
	value T
}

func newBounded[T any](limit int) *bounded[T] {
	return &bounded[T]{max: limit, order: list.New(), index: make(map[string]*list.Element)}
}

// add takes the value in. The keys must be free.
func (b *bounded[T]) add(value T, keys ...string) {
	for b.order.Len() >= b.max {
		b.drop(b.order.Front())
	}
	e := b.order.PushBack(&held[T]{keys: keys, value: value})
	for _, key := range keys {
		b.index[key] = e
	}
}

// find returns the value under the key for reading or for changing in place,
// nil when there is none.
func (b *bounded[T]) find(key string) *T {
	if e, ok := b.index[key]; ok {
		return &e.Value.(*held[T]).value
	}
	return nil
}

// remove takes the value under the key out, and says whether there was one.
func (b *bounded[T]) remove(key string) bool {
	e, ok := b.index[key]
	if ok {
		b.drop(e)
	}
	return ok
}

func (b *bounded[T]) drop(e *list.Element) {
	for _, key := range b.order.Remove(e).(*held[T]).keys {
		delete(b.index, key)
	}
}

// page returns copies of at most limit values after the first offset ones.
func (b *bounded[T]) page(offset, limit int) []T {
	values := []T{}
	for e := b.order.Front(); e != nil && len(values) < limit; e = e.Next() {
		if offset > 0 {
			offset--
			continue
		}
		values = append(values, e.Value.(*held[T]).value)
	}
	return values
}
