package atomic

import (
	"sync/atomic"
	"unsafe"
)

// LoadUint32 is atomic.LoadUint32.
func LoadUint32(addr *uint32) (val uint32) {
	return load(addr, "uint32", func() uint32 { return atomic.LoadUint32(addr) })
}

// StoreUint32 is atomic.StoreUint32.
func StoreUint32(addr *uint32, val uint32) {
	store(addr, "uint32", val, func(v uint32) { atomic.StoreUint32(addr, v) })
}

// CompareAndSwapUint32 is atomic.CompareAndSwapUint32.
func CompareAndSwapUint32(addr *uint32, old, new uint32) (swapped bool) {
	return swap(addr, "uint32", old, new, func(o, n uint32) bool {
		return atomic.CompareAndSwapUint32(addr, o, n)
	})
}

// SwapUint32 is atomic.SwapUint32.
func SwapUint32(addr *uint32, new uint32) (old uint32) {
	return update(addr, "uint32", "Swap", new,
		func(v uint32) uint32 { return atomic.SwapUint32(addr, v) })
}

// AddUint32 is atomic.AddUint32.
func AddUint32(addr *uint32, delta uint32) (new uint32) {
	return update(addr, "uint32", "Add", delta,
		func(v uint32) uint32 { return atomic.AddUint32(addr, v) })
}

// AndUint32 is atomic.AndUint32.
func AndUint32(addr *uint32, mask uint32) (old uint32) {
	return update(addr, "uint32", "And", mask,
		func(v uint32) uint32 { return atomic.AndUint32(addr, v) })
}

// OrUint32 is atomic.OrUint32.
func OrUint32(addr *uint32, mask uint32) (old uint32) {
	return update(addr, "uint32", "Or", mask,
		func(v uint32) uint32 { return atomic.OrUint32(addr, v) })
}

// LoadUint64 is atomic.LoadUint64.
func LoadUint64(addr *uint64) (val uint64) {
	return load(addr, "uint64", func() uint64 { return atomic.LoadUint64(addr) })
}

// StoreUint64 is atomic.StoreUint64.
func StoreUint64(addr *uint64, val uint64) {
	store(addr, "uint64", val, func(v uint64) { atomic.StoreUint64(addr, v) })
}

// CompareAndSwapUint64 is atomic.CompareAndSwapUint64.
func CompareAndSwapUint64(addr *uint64, old, new uint64) (swapped bool) {
	return swap(addr, "uint64", old, new, func(o, n uint64) bool {
		return atomic.CompareAndSwapUint64(addr, o, n)
	})
}

// SwapUint64 is atomic.SwapUint64.
func SwapUint64(addr *uint64, new uint64) (old uint64) {
	return update(addr, "uint64", "Swap", new,
		func(v uint64) uint64 { return atomic.SwapUint64(addr, v) })
}

// AddUint64 is atomic.AddUint64.
func AddUint64(addr *uint64, delta uint64) (new uint64) {
	return update(addr, "uint64", "Add", delta,
		func(v uint64) uint64 { return atomic.AddUint64(addr, v) })
}

// AndUint64 is atomic.AndUint64.
func AndUint64(addr *uint64, mask uint64) (old uint64) {
	return update(addr, "uint64", "And", mask,
		func(v uint64) uint64 { return atomic.AndUint64(addr, v) })
}

// OrUint64 is atomic.OrUint64.
func OrUint64(addr *uint64, mask uint64) (old uint64) {
	return update(addr, "uint64", "Or", mask,
		func(v uint64) uint64 { return atomic.OrUint64(addr, v) })
}

// LoadUintptr is atomic.LoadUintptr.
func LoadUintptr(addr *uintptr) (val uintptr) {
	return load(addr, "uintptr", func() uintptr { return atomic.LoadUintptr(addr) })
}

// StoreUintptr is atomic.StoreUintptr.
func StoreUintptr(addr *uintptr, val uintptr) {
	store(addr, "uintptr", val, func(v uintptr) { atomic.StoreUintptr(addr, v) })
}

// CompareAndSwapUintptr is atomic.CompareAndSwapUintptr.
func CompareAndSwapUintptr(addr *uintptr, old, new uintptr) (swapped bool) {
	return swap(addr, "uintptr", old, new, func(o, n uintptr) bool {
		return atomic.CompareAndSwapUintptr(addr, o, n)
	})
}

// SwapUintptr is atomic.SwapUintptr.
func SwapUintptr(addr *uintptr, new uintptr) (old uintptr) {
	return update(addr, "uintptr", "Swap", new,
		func(v uintptr) uintptr { return atomic.SwapUintptr(addr, v) })
}

// AddUintptr is atomic.AddUintptr.
func AddUintptr(addr *uintptr, delta uintptr) (new uintptr) {
	return update(addr, "uintptr", "Add", delta,
		func(v uintptr) uintptr { return atomic.AddUintptr(addr, v) })
}

// AndUintptr is atomic.AndUintptr.
func AndUintptr(addr *uintptr, mask uintptr) (old uintptr) {
	return update(addr, "uintptr", "And", mask,
		func(v uintptr) uintptr { return atomic.AndUintptr(addr, v) })
}

// OrUintptr is atomic.OrUintptr.
func OrUintptr(addr *uintptr, mask uintptr) (old uintptr) {
	return update(addr, "uintptr", "Or", mask,
		func(v uintptr) uintptr { return atomic.OrUintptr(addr, v) })
}

// LoadPointer is atomic.LoadPointer.
func LoadPointer(addr *unsafe.Pointer) (val unsafe.Pointer) {
	return load(addr, "unsafe.Pointer", func() unsafe.Pointer { return atomic.LoadPointer(addr) })
}

// StorePointer is atomic.StorePointer.
func StorePointer(addr *unsafe.Pointer, val unsafe.Pointer) {
	store(addr, "unsafe.Pointer", val, func(v unsafe.Pointer) { atomic.StorePointer(addr, v) })
}

// CompareAndSwapPointer is atomic.CompareAndSwapPointer.
func CompareAndSwapPointer(addr *unsafe.Pointer, old, new unsafe.Pointer) (swapped bool) {
	return swap(addr, "unsafe.Pointer", old, new, func(o, n unsafe.Pointer) bool {
		return atomic.CompareAndSwapPointer(addr, o, n)
	})
}

// SwapPointer is atomic.SwapPointer.
func SwapPointer(addr *unsafe.Pointer, new unsafe.Pointer) (old unsafe.Pointer) {
	return update(addr, "unsafe.Pointer", "Swap", new,
		func(v unsafe.Pointer) unsafe.Pointer { return atomic.SwapPointer(addr, v) })
}
