package atomic

import "sync/atomic"

// Bool is atomic.Bool.
type Bool struct{ real atomic.Bool }

// Load is atomic.Bool.Load.
func (x *Bool) Load() bool { return load(x, "atomic.Bool", x.real.Load) }

// Store is atomic.Bool.Store.
func (x *Bool) Store(val bool) { store(x, "atomic.Bool", val, x.real.Store) }

// Swap is atomic.Bool.Swap.
func (x *Bool) Swap(new bool) (old bool) {
	return update(x, "atomic.Bool", "Swap", new, x.real.Swap)
}

// CompareAndSwap is atomic.Bool.CompareAndSwap.
func (x *Bool) CompareAndSwap(old, new bool) (swapped bool) {
	return swap(x, "atomic.Bool", old, new, x.real.CompareAndSwap)
}

// Pointer is atomic.Pointer.
type Pointer[T any] struct{ real atomic.Pointer[T] }

// Load is atomic.Pointer.Load.
func (x *Pointer[T]) Load() *T { return load(x, "atomic.Pointer", x.real.Load) }

// Store is atomic.Pointer.Store.
func (x *Pointer[T]) Store(val *T) { store(x, "atomic.Pointer", val, x.real.Store) }

// Swap is atomic.Pointer.Swap.
func (x *Pointer[T]) Swap(new *T) (old *T) {
	return update(x, "atomic.Pointer", "Swap", new, x.real.Swap)
}

// CompareAndSwap is atomic.Pointer.CompareAndSwap.
func (x *Pointer[T]) CompareAndSwap(old, new *T) (swapped bool) {
	return swap(x, "atomic.Pointer", old, new, x.real.CompareAndSwap)
}

// Value is atomic.Value.
type Value struct{ real atomic.Value }

// Load is atomic.Value.Load.
func (v *Value) Load() (val any) { return load(v, "atomic.Value", v.real.Load) }

// Store is atomic.Value.Store.
func (v *Value) Store(val any) { store(v, "atomic.Value", val, v.real.Store) }

// Swap is atomic.Value.Swap.
func (v *Value) Swap(new any) (old any) {
	return update(v, "atomic.Value", "Swap", new, v.real.Swap)
}

// CompareAndSwap is atomic.Value.CompareAndSwap.
func (v *Value) CompareAndSwap(old, new any) (swapped bool) {
	return swap(v, "atomic.Value", old, new, v.real.CompareAndSwap)
}
