package sync

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// Map is sync.Map. Each method is one step, and Range one for each key; in a run Range goes through
// the keys in the order of their text.
type Map struct{ real sync.Map }

// step is the scheduling point of a method; nil outside of a run.
func (m *Map) step(name string, write bool) *sched.Task {
	t := sched.Current()
	if t != nil {
		o := t.Object(unsafe.Pointer(m), "sync.Map", nil)
		t.Point(sched.Op{Name: name, Obj: o, Write: write})
		t.Acquire(o)
		if write {
			t.Release(o)
		}
	}
	return t
}

// saw notes what a method was given and what it returned.
func saw(t *sched.Task, v ...any) {
	if t != nil {
		t.Value(v...)
	}
}

// Load is sync.Map.Load.
func (m *Map) Load(key any) (value any, ok bool) {
	t := m.step("Load", false)
	value, ok = m.real.Load(key)
	saw(t, key, sched.Outcome{V: value}, ok)
	return value, ok
}

// Store is sync.Map.Store.
func (m *Map) Store(key, value any) {
	t := m.step("Store", true)
	m.real.Store(key, value)
	saw(t, key, value)
}

// Clear is sync.Map.Clear.
func (m *Map) Clear() {
	m.step("Clear", true)
	m.real.Clear()
}

// LoadOrStore is sync.Map.LoadOrStore.
func (m *Map) LoadOrStore(key, value any) (actual any, loaded bool) {
	t := m.step("LoadOrStore", true)
	actual, loaded = m.real.LoadOrStore(key, value)
	saw(t, key, sched.Outcome{V: actual}, loaded)
	return actual, loaded
}

// LoadAndDelete is sync.Map.LoadAndDelete.
func (m *Map) LoadAndDelete(key any) (value any, loaded bool) {
	t := m.step("LoadAndDelete", true)
	value, loaded = m.real.LoadAndDelete(key)
	saw(t, key, sched.Outcome{V: value}, loaded)
	return value, loaded
}

// Delete is sync.Map.Delete.
func (m *Map) Delete(key any) { m.LoadAndDelete(key) }

// Swap is sync.Map.Swap.
func (m *Map) Swap(key, value any) (previous any, loaded bool) {
	t := m.step("Swap", true)
	previous, loaded = m.real.Swap(key, value)
	saw(t, key, sched.Outcome{V: previous}, loaded)
	return previous, loaded
}

// CompareAndSwap is sync.Map.CompareAndSwap.
func (m *Map) CompareAndSwap(key, old, new any) (swapped bool) {
	t := m.step("CompareAndSwap", true)
	swapped = m.real.CompareAndSwap(key, old, new)
	saw(t, key, old, new, sched.Outcome{V: swapped})
	return swapped
}

// CompareAndDelete is sync.Map.CompareAndDelete.
func (m *Map) CompareAndDelete(key, old any) (deleted bool) {
	t := m.step("CompareAndDelete", true)
	deleted = m.real.CompareAndDelete(key, old)
	saw(t, key, old, sched.Outcome{V: deleted})
	return deleted
}

// Range is sync.Map.Range.
func (m *Map) Range(f func(key, value any) bool) {
	if sched.Current() == nil {
		m.real.Range(f)
		return
	}
	t := m.step("Range", false)
	var keys []any
	m.real.Range(func(key, _ any) bool {
		keys = append(keys, key)
		return true
	})
	slices.SortFunc(keys, func(a, b any) int {
		if x, y := fmt.Sprint(a), fmt.Sprint(b); x < y {
			return -1
		} else if x > y {
			return 1
		}
		return 0
	})
	saw(t, len(keys))
	for _, k := range keys {
		if v, ok := m.Load(k); ok && !f(k, v) {
			return
		}
	}
}
