package emscripten

import (
	"errors"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// guest calls a function of the program. An error ends the call of the host that it is in, as a
// trap in the program itself would.
func (c *call) guest(name string, args ...uint64) uint64 {
	r, err := c.g.Call(c.ctx, linker.Default, name, args...)
	if err != nil {
		panic(err)
	}
	if len(r) == 0 {
		return 0
	}
	return r[0]
}

// optional calls a function that the program may not have, or with another number of parameters.
func (c *call) optional(name string, args ...uint64) (result uint64, found bool, err error) {
	r, err := c.g.Call(c.ctx, linker.Default, name, args...)
	if e := (*linker.UndefinedSymbolError)(nil); errors.As(err, &e) && e.Symbol == name {
		return 0, false, nil
	}
	if len(r) > 0 {
		result = r[0]
	}
	return result, err == nil, err
}

// oneOf calls the first function of some names that the program has: they were renamed over time.
func (c *call) oneOf(names []string, args ...uint64) (result uint64, found bool) {
	for _, name := range names {
		r, found, err := c.optional(name, args...)
		if err != nil {
			panic(err)
		}
		if found {
			return r, true
		}
	}
	return 0, false
}

// pointer calls a function pointer.
func (c *call) pointer(pointer uint32, params, results []api.ValueType, args ...uint64) uint64 {
	r, err := c.g.CallPointer(c.ctx, pointer, params, results, args...)
	if err != nil {
		panic(err)
	}
	if len(r) == 0 {
		return 0
	}
	return r[0]
}
