package emscripten

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// Block is what a block of JavaScript in C code (EM_ASM and its like) does. types has a letter for
// each argument: i for an i32, p for an address, j for an i64, d for an f64; arguments are encoded
// as wazero does it, and so is the result, in the type that the program asks for.
type Block func(ctx context.Context, types string, args []uint64) uint64

// WithBlock gives the program a block of JavaScript by its address, which Emscripten lists in the
// program's JavaScript as ASM_CONSTS. A block that is missing fails when it is reached, with an
// error that names its address.
func (c *Config) WithBlock(address uint32, b Block) *Config {
	return c.with(func(c *Config) {
		blocks := map[uint32]Block{}
		for a, b := range c.blocks {
			blocks[a] = b
		}
		blocks[address] = b
		c.blocks = blocks
	})
}

// globalBase is where Emscripten's JavaScript places the data of a position-independent program.
const globalBase = 1024

// listed returns the address by which a program's JavaScript knows a block: its data is elsewhere
// here if it is position-independent.
func (c *call) listed(address uint32) uint32 {
	if modules := c.g.Linker().Modules(); len(modules) > 0 && modules[0].MemoryBase != 0 {
		return address - modules[0].MemoryBase + globalBase
	}
	return address
}

// asmConst makes a function that runs a block: (address, types of the arguments, arguments).
func (p *Program) asmConst(params, results []api.ValueType) api.GoModuleFunction {
	return p.bind(plain("iii|iiii", func(c *call) uint64 {
		at := len(c.a) - 3 // one that runs on the main thread may say so first
		address := c.listed(c.u32(at))
		block := p.config.blocks[address]
		if block == nil {
			panic(&linker.UndefinedSymbolError{Symbol: fmt.Sprintf("EM_ASM block %d", address)})
		}
		types := c.mem.path(c.u32(at + 1))
		args := make([]uint64, 0, len(types))
		next := c.u32(at + 2)
		for _, t := range []byte(types) {
			switch t {
			case 'i', 'p':
				args = append(args, uint64(c.mem.u32(next)))
				next += 4
			case 'j', 'd', 'f':
				next = (next + 7) &^ 7
				args = append(args, c.mem.u64(next))
				next += 8
			default:
				panic(vfs.EFAULT)
			}
		}
		return block(c.ctx, types, args)
	}), params, results)
}
