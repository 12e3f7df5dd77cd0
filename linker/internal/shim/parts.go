package shim

import (
	"hash/fnv"
	"strconv"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// partSize is about how many functions of a namespace one shim has. To find the type of a function
// that a module exports again the engine goes through the imports of that module, for each such
// function when it compiles a shim and for each import of who uses it: with all functions in one
// shim the time of a load would grow with the square of their number.
const partSize = 1024

// partPrefix begins the namespaces of parts. Guests cannot import from it.
const partPrefix = ReservedPrefix + "part:"

// Parts tells how the import namespaces of a module are split: the functions of one that has more
// than partSize are imported from several, so that each is another shim's. Which part a function
// is in depends on nothing but the module. The zero Parts splits nothing.
type Parts struct {
	of map[string]uint32 // how many parts a namespace has, if more than one
}

// PartsOf counts the functions that a module imports.
func PartsOf(imports []wasm.Import) (p Parts) {
	if len(imports) <= partSize {
		return p
	}
	functions := map[string]uint32{}
	for i := range imports {
		if imports[i].Kind == wasm.KindFunc {
			functions[imports[i].Module]++
		}
	}
	for namespace, n := range functions {
		if n <= partSize {
			continue
		}
		if p.of == nil {
			p.of = map[string]uint32{}
		}
		p.of[namespace] = (n + partSize - 1) / partSize
	}
	return p
}

// Any reports whether anything is split.
func (p Parts) Any() bool { return p.of != nil }

// Namespace is the namespace from which a module imports something when its code is rewritten.
func (p Parts) Namespace(x *wasm.Import) string {
	if x.Kind != wasm.KindFunc {
		return x.Module
	}
	return p.Function(x.Module, x.Name)
}

// Function is the namespace of a function that the module imports from another one by name.
func (p Parts) Function(namespace, name string) string {
	n := p.of[namespace]
	if n == 0 {
		return namespace
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // it never fails
	return partPrefix + strconv.FormatUint(uint64(h.Sum32()%n), 10) + ":" + namespace
}
