package atomic

import "sync/atomic"

// Int32 is atomic.Int32.
type Int32 struct{ real atomic.Int32 }

// Load is atomic.Int32.Load.
func (x *Int32) Load() int32 { return load(x, "atomic.Int32", x.real.Load) }

// Store is atomic.Int32.Store.
func (x *Int32) Store(val int32) { store(x, "atomic.Int32", val, x.real.Store) }

// Swap is atomic.Int32.Swap.
func (x *Int32) Swap(new int32) (old int32) {
	return update(x, "atomic.Int32", "Swap", new, x.real.Swap)
}

// CompareAndSwap is atomic.Int32.CompareAndSwap.
func (x *Int32) CompareAndSwap(old, new int32) (swapped bool) {
	return swap(x, "atomic.Int32", old, new, x.real.CompareAndSwap)
}

// Add is atomic.Int32.Add.
func (x *Int32) Add(delta int32) (new int32) {
	return update(x, "atomic.Int32", "Add", delta, x.real.Add)
}

// And is atomic.Int32.And.
func (x *Int32) And(mask int32) (old int32) {
	return update(x, "atomic.Int32", "And", mask, x.real.And)
}

// Or is atomic.Int32.Or.
func (x *Int32) Or(mask int32) (old int32) {
	return update(x, "atomic.Int32", "Or", mask, x.real.Or)
}

// Int64 is atomic.Int64.
type Int64 struct{ real atomic.Int64 }

// Load is atomic.Int64.Load.
func (x *Int64) Load() int64 { return load(x, "atomic.Int64", x.real.Load) }

// Store is atomic.Int64.Store.
func (x *Int64) Store(val int64) { store(x, "atomic.Int64", val, x.real.Store) }

// Swap is atomic.Int64.Swap.
func (x *Int64) Swap(new int64) (old int64) {
	return update(x, "atomic.Int64", "Swap", new, x.real.Swap)
}

// CompareAndSwap is atomic.Int64.CompareAndSwap.
func (x *Int64) CompareAndSwap(old, new int64) (swapped bool) {
	return swap(x, "atomic.Int64", old, new, x.real.CompareAndSwap)
}

// Add is atomic.Int64.Add.
func (x *Int64) Add(delta int64) (new int64) {
	return update(x, "atomic.Int64", "Add", delta, x.real.Add)
}

// And is atomic.Int64.And.
func (x *Int64) And(mask int64) (old int64) {
	return update(x, "atomic.Int64", "And", mask, x.real.And)
}

// Or is atomic.Int64.Or.
func (x *Int64) Or(mask int64) (old int64) {
	return update(x, "atomic.Int64", "Or", mask, x.real.Or)
}

// Uint32 is atomic.Uint32.
type Uint32 struct{ real atomic.Uint32 }

// Load is atomic.Uint32.Load.
func (x *Uint32) Load() uint32 { return load(x, "atomic.Uint32", x.real.Load) }

// Store is atomic.Uint32.Store.
func (x *Uint32) Store(val uint32) { store(x, "atomic.Uint32", val, x.real.Store) }

// Swap is atomic.Uint32.Swap.
func (x *Uint32) Swap(new uint32) (old uint32) {
	return update(x, "atomic.Uint32", "Swap", new, x.real.Swap)
}

// CompareAndSwap is atomic.Uint32.CompareAndSwap.
func (x *Uint32) CompareAndSwap(old, new uint32) (swapped bool) {
	return swap(x, "atomic.Uint32", old, new, x.real.CompareAndSwap)
}

// Add is atomic.Uint32.Add.
func (x *Uint32) Add(delta uint32) (new uint32) {
	return update(x, "atomic.Uint32", "Add", delta, x.real.Add)
}

// And is atomic.Uint32.And.
func (x *Uint32) And(mask uint32) (old uint32) {
	return update(x, "atomic.Uint32", "And", mask, x.real.And)
}

// Or is atomic.Uint32.Or.
func (x *Uint32) Or(mask uint32) (old uint32) {
	return update(x, "atomic.Uint32", "Or", mask, x.real.Or)
}

// Uint64 is atomic.Uint64.
type Uint64 struct{ real atomic.Uint64 }

// Load is atomic.Uint64.Load.
func (x *Uint64) Load() uint64 { return load(x, "atomic.Uint64", x.real.Load) }

// Store is atomic.Uint64.Store.
func (x *Uint64) Store(val uint64) { store(x, "atomic.Uint64", val, x.real.Store) }

// Swap is atomic.Uint64.Swap.
func (x *Uint64) Swap(new uint64) (old uint64) {
	return update(x, "atomic.Uint64", "Swap", new, x.real.Swap)
}

// CompareAndSwap is atomic.Uint64.CompareAndSwap.
func (x *Uint64) CompareAndSwap(old, new uint64) (swapped bool) {
	return swap(x, "atomic.Uint64", old, new, x.real.CompareAndSwap)
}

// Add is atomic.Uint64.Add.
func (x *Uint64) Add(delta uint64) (new uint64) {
	return update(x, "atomic.Uint64", "Add", delta, x.real.Add)
}

// And is atomic.Uint64.And.
func (x *Uint64) And(mask uint64) (old uint64) {
	return update(x, "atomic.Uint64", "And", mask, x.real.And)
}

// Or is atomic.Uint64.Or.
func (x *Uint64) Or(mask uint64) (old uint64) {
	return update(x, "atomic.Uint64", "Or", mask, x.real.Or)
}

// Uintptr is atomic.Uintptr.
type Uintptr struct{ real atomic.Uintptr }

// Load is atomic.Uintptr.Load.
func (x *Uintptr) Load() uintptr { return load(x, "atomic.Uintptr", x.real.Load) }

// Store is atomic.Uintptr.Store.
func (x *Uintptr) Store(val uintptr) { store(x, "atomic.Uintptr", val, x.real.Store) }

// Swap is atomic.Uintptr.Swap.
func (x *Uintptr) Swap(new uintptr) (old uintptr) {
	return update(x, "atomic.Uintptr", "Swap", new, x.real.Swap)
}

// CompareAndSwap is atomic.Uintptr.CompareAndSwap.
func (x *Uintptr) CompareAndSwap(old, new uintptr) (swapped bool) {
	return swap(x, "atomic.Uintptr", old, new, x.real.CompareAndSwap)
}

// Add is atomic.Uintptr.Add.
func (x *Uintptr) Add(delta uintptr) (new uintptr) {
	return update(x, "atomic.Uintptr", "Add", delta, x.real.Add)
}

// And is atomic.Uintptr.And.
func (x *Uintptr) And(mask uintptr) (old uintptr) {
	return update(x, "atomic.Uintptr", "And", mask, x.real.And)
}

// Or is atomic.Uintptr.Or.
func (x *Uintptr) Or(mask uintptr) (old uintptr) {
	return update(x, "atomic.Uintptr", "Or", mask, x.real.Or)
}
