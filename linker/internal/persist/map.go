// Package persist has immutable maps whose versions share memory. A change makes a new map, in time
// and memory that grow with the logarithm of its size. Many versions of a large map can exist at
// once, and readers of a version need no lock.
package persist

import (
	"hash/maphash"
	"iter"

	"github.com/benbjohnson/immutable"
)

// Map is an immutable map. The zero value is an empty one. Any number of goroutines may use it.
type Map[K comparable, V any] struct{ m *immutable.Map[K, V] }

// Get returns the value of a key, and whether there is one.
func (m Map[K, V]) Get(key K) (value V, ok bool) {
	if m.m == nil {
		return value, false
	}
	return m.m.Get(key)
}

// At returns the value of a key, and the zero value if there is none.
func (m Map[K, V]) At(key K) V {
	value, _ := m.Get(key)
	return value
}

// Len returns the number of keys.
func (m Map[K, V]) Len() int {
	if m.m == nil {
		return 0
	}
	return m.m.Len()
}

// With returns the map with another value of a key.
func (m Map[K, V]) With(key K, value V) Map[K, V] {
	if m.m == nil {
		m.m = immutable.NewMap[K, V](hasher[K]{})
	}
	return Map[K, V]{m.m.Set(key, value)}
}

// Without returns the map without a key.
func (m Map[K, V]) Without(key K) Map[K, V] {
	if m.m == nil {
		return m
	}
	return Map[K, V]{m.m.Delete(key)}
}

// WithAll returns the map with other values of some keys.
func (m Map[K, V]) WithAll(values iter.Seq2[K, V]) Map[K, V] {
	for key, value := range values {
		m = m.With(key, value)
	}
	return m
}

// All visits every key and its value, in no particular order.
func (m Map[K, V]) All(yield func(K, V) bool) {
	if m.m == nil {
		return
	}
	for it := m.m.Iterator(); !it.Done(); {
		key, value, _ := it.Next()
		if !yield(key, value) {
			return
		}
	}
}

// seed is the same for all maps of the process, whatever they have in common.
var seed = maphash.MakeSeed()

// hasher hashes keys with a secret seed, so that a guest that chooses keys cannot make them
// collide.
type hasher[K comparable] struct{}

// Hash implements immutable.Hasher.
func (hasher[K]) Hash(key K) uint32 { return uint32(maphash.Comparable(seed, key)) }

// Equal implements immutable.Hasher.
func (hasher[K]) Equal(a, b K) bool { return a == b }
