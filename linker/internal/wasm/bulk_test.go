package wasm

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"
)

// bulkPages is the size of the memory in tests: several pieces.
const bulkPages = 5 * bulkPiece >> 16

// bulkModule is a module that exports each instruction that fills or copies as a function.
func bulkModule(t testing.TB) []byte {
	var b Builder
	memory := b.Memory(bulkPages, bulkPages, false)
	b.ExportMemory("memory", memory)
	segment := make([]byte, 3*bulkPiece/2)
	for i := range segment {
		segment[i] = byte(i * 7)
	}
	data := b.PassiveData(segment)
	limits := Limits{Min: 2000, Max: 2000, HasMax: true}
	table := b.Table(TableType{Elem: FuncRef, Limits: limits})
	three := b.Type([]ValType{I32, I32, I32}, nil)
	f := b.Func(b.Type(nil, nil), nil, nil)
	elements := b.Element(Element{Mode: Passive, Type: FuncRef, Funcs: repeated(f, 1500)})
	export := func(name string, c *Code) {
		b.ExportFunc(name, b.Func(three, nil, c))
	}
	args := func() *Code { return new(Code).LocalGet(0).LocalGet(1).LocalGet(2) }
	export("memory.fill", args().MemoryFill())
	export("memory.copy", args().MemoryCopy())
	export("memory.init", args().MemoryInit(data))
	export("table.init", args().TableInit(elements, table))
	export("table.copy", args().TableCopy(table, table))
	export("table.fill", new(Code).LocalGet(0).RefFunc(f).LocalGet(2).TableFill(table))
	export("small", new(Code).LocalGet(0).LocalGet(1).I32Const(bulkSmall).MemoryFill())
	isNull := b.Type([]ValType{I32}, []ValType{I32})
	b.ExportFunc("null", b.Func(isNull, nil, new(Code).LocalGet(0).TableGet(table).RefIsNull()))
	return mustBytes(t, &b)
}

func repeated(f uint32, n int) (list []uint32) {
	for range n {
		list = append(list, f)
	}
	return list
}

// edge draws a number that is near something that matters.
func edge(t *rapid.T, name string) uint32 {
	around := []uint32{0, bulkSmall, bulkPiece, 2 * bulkPiece, 3 * bulkPiece / 2, bulkPages << 16,
		1 << 31, 1500, 2000}
	n := rapid.SampledFrom(around).Draw(t, name)
	if rapid.Bool().Draw(t, name+" anywhere") {
		n = rapid.Uint32Range(0, bulkPages<<16+10).Draw(t, name+" at")
	}
	return n + uint32(rapid.IntRange(-3, 3).Draw(t, name+" off"))
}

// bulkPair is the same instructions as the engine has them, and in pieces.
type bulkPair struct {
	plain, hooked api.Module
	noise         *rand.Rand
}

func newBulkPair(t *testing.T, p *poller) bulkPair {
	file := bulkModule(t)
	return bulkPair{p.run(t, file, "plain"), p.hooked(t, file, "hooked", true),
		rand.New(rand.NewPCG(1, 2))}
}

// compare runs an instruction in both, and says how what is in pieces differs: in its trap, in the
// bytes or entries that it leaves, or in having written something before it trapped.
func (b bulkPair) compare(name string, args ...uint64) error {
	start := make([]byte, bulkPages<<16)
	// the rest repeats it, by another period than that of pieces
	for i := range start[:len(start)/8] {
		start[i] = byte(b.noise.Uint32())
	}
	for i := len(start) / 8; i < len(start); i += copy(start[i:], start[:len(start)/8-13]) {
	}
	var memories [2][]byte
	var entries, traps [2]string
	for k, mod := range []api.Module{b.plain, b.hooked} {
		memories[k], _ = mod.Memory().Read(0, bulkPages<<16)
		copy(memories[k], start)
		_, err := mod.ExportedFunction(name).Call(context.Background(), args...)
		traps[k] = trapOf(err)
		if traps[k] != "" && !bytes.Equal(memories[k], start) {
			return fmt.Errorf("%s: it has written something before it trapped: %s", mod.Name(),
				traps[k])
		}
		for i := range 2000 {
			if strings.HasPrefix(name, "table") {
				r, err := mod.ExportedFunction("null").Call(context.Background(), uint64(i))
				entries[k] += fmt.Sprint(r, err)
			}
		}
	}
	if traps[0] != traps[1] {
		return fmt.Errorf("%s%v traps with %q, want %q", name, args, traps[1], traps[0])
	}
	if !bytes.Equal(memories[0], memories[1]) || entries[0] != entries[1] {
		return fmt.Errorf("%s%v has another result", name, args)
	}
	return nil
}

// Whatever fills or copies does what the engine's instruction does, in pieces too: the same bytes,
// the same entries, and where it does not fit the same trap before anything is written.
func TestBulkSameResults(t *testing.T) {
	p := newPoller(t)
	pair := newBulkPair(t, p)
	rapid.Check(t, func(rt *rapid.T) {
		p.raise(rapid.Bool().Draw(rt, "last"))
		name := rapid.SampledFrom([]string{
			"memory.fill", "memory.copy", "memory.copy", "memory.init", "table.init", "table.copy",
			"table.fill", "small",
		}).Draw(rt, "instruction")
		if err := pair.compare(name, uint64(edge(rt, "to")), uint64(edge(rt, "from")),
			uint64(edge(rt, "size"))); err != nil {
			rt.Fatal(err)
		}
	})
}

// Ranges of several pieces that overlap, upwards and downwards, and such that end at the end of the
// memory or the table and one behind it: the range that is written, the one that is read, and both.
func TestBulkRanges(t *testing.T) {
	p := newPoller(t)
	pair := newBulkPair(t, p)
	const memory, size = bulkPages << 16, 2*bulkPiece + 1
	for _, beyond := range []uint64{0, 1} {
		for _, c := range []struct {
			name           string
			to, from, size uint64
		}{
			{"memory.copy", bulkPiece / 2, 0, size + beyond},
			{"memory.copy", 0, bulkPiece / 2, size + beyond},
			{"memory.fill", memory - size + beyond, 7, size},
			{"memory.copy", memory - size + beyond, 3, size},
			{"memory.copy", 3, memory - size + beyond, size},
			{"memory.copy", memory - size + beyond, memory - size - bulkPiece, size},
			{"memory.copy", memory - size - bulkPiece, memory - size + beyond, size},
			{"memory.init", memory - bulkPiece + beyond, 0, bulkPiece},
			{"memory.init", 0, 3*bulkPiece/2 - bulkPiece + beyond, bulkPiece},
			{"table.init", 2000 - 1400 + beyond, 0, 1400},
			{"table.init", 0, 100 + beyond, 1400},
			{"table.copy", 600 + beyond, 0, 1400},
			{"table.copy", 0, 600 + beyond, 1400},
			{"table.fill", 600 + beyond, 0, 1400},
		} {
			for _, last := range []bool{false, true} {
				p.raise(last)
				if err := pair.compare(c.name, c.to, c.from, c.size); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// trapOf is what the engine says of a trap, without where it was.
func trapOf(err error) string {
	if err == nil {
		return ""
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// What is moved counts, by its size; a piece of it is never more than there is between two looks.
func TestBulkCounts(t *testing.T) {
	p, ctx := newPoller(t), context.Background()
	mod := p.hooked(t, bulkModule(t), "hooked", true)
	global := p.count.ExportedGlobal("count").(api.MutableGlobal)
	for _, c := range []struct {
		name  string
		size  uint64
		count uint64
		looks int // if each count is the last
	}{
		{"memory.fill", 0, 1, 1},
		{"memory.fill", bulkSmall, 1, 1},
		{"memory.fill", bulkPiece, 1 + bulkPiece>>bulkShift, 1},
		{"memory.fill", bulkPiece + 1, 2 + bulkPiece>>bulkShift, 2},
		{"memory.copy", 4 * bulkPiece, 4 * (1 + bulkPiece>>bulkShift), 4},
		{"memory.init", bulkPiece, 1 + bulkPiece>>bulkShift, 1},
		{"table.init", 1500, 2, 1},
		{"table.copy", 1500, 2, 1},
		{"table.fill", 10, 1, 1},
		{"small", 0, 0, 0},
	} {
		p.raise(false)
		was := global.Get()
		if _, err := mod.ExportedFunction(c.name).Call(ctx, 1, 0, c.size); err != nil {
			t.Fatal(err)
		}
		if n := was - global.Get(); n != c.count {
			t.Errorf("%s of %d counts %d, want %d", c.name, c.size, n, c.count)
		}
		p.raise(true)
		p.calls = 0
		if _, err := mod.ExportedFunction(c.name).Call(ctx, 1, 0, c.size); err != nil ||
			p.calls != c.looks {
			t.Errorf("%s of %d looks %d times, want %d, %v", c.name, c.size, p.calls, c.looks, err)
		}
	}
}
