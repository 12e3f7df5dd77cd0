package atomic

import (
	"sync/atomic"
)

// LoadInt32 is atomic.LoadInt32.
func LoadInt32(addr *int32) (val int32) {
	return load(addr, "int32", func() int32 { return atomic.LoadInt32(addr) })
}

// StoreInt32 is atomic.StoreInt32.
func StoreInt32(addr *int32, val int32) {
	store(addr, "int32", val, func(v int32) { atomic.StoreInt32(addr, v) })
}

// CompareAndSwapInt32 is atomic.CompareAndSwapInt32.
func CompareAndSwapInt32(addr *int32, old, new int32) (swapped bool) {
	return swap(addr, "int32", old, new, func(o, n int32) bool {
		return atomic.CompareAndSwapInt32(addr, o, n)
	})
}

// SwapInt32 is atomic.SwapInt32.
func SwapInt32(addr *int32, new int32) (old int32) {
	return update(addr, "int32", "Swap", new,
		func(v int32) int32 { return atomic.SwapInt32(addr, v) })
}

// AddInt32 is atomic.AddInt32.
func AddInt32(addr *int32, delta int32) (new int32) {
	return update(addr, "int32", "Add", delta,
		func(v int32) int32 { return atomic.AddInt32(addr, v) })
}

// AndInt32 is atomic.AndInt32.
func AndInt32(addr *int32, mask int32) (old int32) {
	return update(addr, "int32", "And", mask,
		func(v int32) int32 { return atomic.AndInt32(addr, v) })
}

// OrInt32 is atomic.OrInt32.
func OrInt32(addr *int32, mask int32) (old int32) {
	return update(addr, "int32", "Or", mask, func(v int32) int32 { return atomic.OrInt32(addr, v) })
}

// LoadInt64 is atomic.LoadInt64.
func LoadInt64(addr *int64) (val int64) {
	return load(addr, "int64", func() int64 { return atomic.LoadInt64(addr) })
}

// StoreInt64 is atomic.StoreInt64.
func StoreInt64(addr *int64, val int64) {
	store(addr, "int64", val, func(v int64) { atomic.StoreInt64(addr, v) })
}

// CompareAndSwapInt64 is atomic.CompareAndSwapInt64.
func CompareAndSwapInt64(addr *int64, old, new int64) (swapped bool) {
	return swap(addr, "int64", old, new, func(o, n int64) bool {
		return atomic.CompareAndSwapInt64(addr, o, n)
	})
}

// SwapInt64 is atomic.SwapInt64.
func SwapInt64(addr *int64, new int64) (old int64) {
	return update(addr, "int64", "Swap", new,
		func(v int64) int64 { return atomic.SwapInt64(addr, v) })
}

// AddInt64 is atomic.AddInt64.
func AddInt64(addr *int64, delta int64) (new int64) {
	return update(addr, "int64", "Add", delta,
		func(v int64) int64 { return atomic.AddInt64(addr, v) })
}

// AndInt64 is atomic.AndInt64.
func AndInt64(addr *int64, mask int64) (old int64) {
	return update(addr, "int64", "And", mask,
		func(v int64) int64 { return atomic.AndInt64(addr, v) })
}

// OrInt64 is atomic.OrInt64.
func OrInt64(addr *int64, mask int64) (old int64) {
	return update(addr, "int64", "Or", mask, func(v int64) int64 { return atomic.OrInt64(addr, v) })
}
