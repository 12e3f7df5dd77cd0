package resolve

import "github.com/lockstep-wasm/lockstep/linker/internal/image"

// Order orders modules that are new, found in the order of search: a depth-first walk
// that puts a module behind what it needs, but for cycles. isNew tells which are.
func Order(search []*image.Module, isNew func(*image.Module) bool) []*image.Module {
	var order []*image.Module
	seen := map[*image.Module]bool{}
	var visit func(m *image.Module)
	visit = func(m *image.Module) {
		if seen[m] || !isNew(m) {
			return
		}
		seen[m] = true
		if m.Fixed { // it brings the function table, so it comes first
			order = append(order, m)
		}
		for _, n := range m.Needed {
			visit(n)
		}
		if !m.Fixed {
			order = append(order, m)
		}
	}
	for _, m := range search {
		visit(m)
	}
	return order
}
