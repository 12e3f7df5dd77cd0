package wasm_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// withBody returns a module whose only function has the given type, locals and code; add puts
// more into it.
func withBody(params, results, locals []wasm.ValType, c *wasm.Code,
	add func(*wasm.Builder)) []byte {
	var b wasm.Builder
	if add != nil {
		add(&b)
	}
	b.Func(b.Type(params, results), locals, c)
	return b.Encode()
}

func raw(b ...byte) *wasm.Code { return new(wasm.Code).Raw(b...) }

// refused decodes a module that must be refused for a reason, with an offset in its code section.
func refused(t *testing.T, file []byte, reason string, cause error) {
	t.Helper()
	m, err := wasm.Decode(file)
	var fe *wasm.FormatError
	if m != nil || !errors.As(err, &fe) {
		t.Fatalf("%v, %v; want a FormatError", m, err)
	}
	inside := fe.Section == "code" && fe.Offset > wasm.HeaderSize && fe.Offset <= len(file)
	if !inside || !strings.Contains(fe.Reason, reason) {
		t.Errorf("%v; want one of the code section with the reason %q", err, reason)
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("%v does not wrap %v", err, cause)
	}
}

// TestValidateIndices names in turn everything that a module does not have. The linker adds such
// things: a table, a function, a type, globals, an import of a memory. None of them may have an
// index that a given module can name.
func TestValidateIndices(t *testing.T) {
	noop := func(b *wasm.Builder) { b.DeclareFuncs(0) }
	i32Const := func(v int32) *wasm.Code { return new(wasm.Code).I32Const(v) }
	for _, tt := range []struct {
		name   string
		code   *wasm.Code
		add    func(*wasm.Builder)
		reason string
	}{
		{"table.set", i32Const(0).RefFunc(0).TableSet(0), noop, "table 0 of 0"},
		{"table.get", i32Const(0).TableGet(0).Drop(), nil, "table 0 of 0"},
		{"table.size", new(wasm.Code).TableSize(0).Drop(), nil, "table 0 of 0"},
		{"table.grow", new(wasm.Code).RefNull(wasm.FuncRef).I32Const(1).TableGrow(0).Drop(), nil,
			"table 0 of 0"},
		{"table.fill", i32Const(0).RefNull(wasm.FuncRef).I32Const(1).TableFill(0), nil,
			"table 0 of 0"},
		{"table.copy to", i32Const(0).I32Const(0).I32Const(0).TableCopy(1, 0), withTable,
			"table 1 of 1"},
		{"table.copy from", i32Const(0).I32Const(0).I32Const(0).TableCopy(0, 1), withTable,
			"table 1 of 1"},
		{"table.init", i32Const(0).I32Const(0).I32Const(0).TableInit(0, 0), noop, "table 0 of 0"},
		{"table.init of a segment", i32Const(0).I32Const(0).I32Const(0).TableInit(0, 0), withTable,
			"element segment 0 of 0"},
		{"elem.drop", new(wasm.Code).ElemDrop(0), nil, "element segment 0 of 0"},
		{"call_indirect", i32Const(0).CallIndirect(0, 0), nil, "table 0 of 0"},
		{"call_indirect of a type", i32Const(0).CallIndirect(1, 0), withTable, "type 1 of 1"},
		{"return_call_indirect", i32Const(0).Raw(0x13, 0, 0), nil, "table 0 of 0"},
		{"call", new(wasm.Code).Call(1), nil, "function 1 of 1"},
		{"return_call", raw(0x12, 1), nil, "function 1 of 1"},
		{"ref.func", new(wasm.Code).RefFunc(1).Drop(), nil, "function 1 of 1"},
		{"ref.func, not declared", new(wasm.Code).RefFunc(0).Drop(), nil,
			"function 0 is named outside of the code by no export"},
		{"global.get", new(wasm.Code).GlobalGet(0).Drop(), nil, "global 0 of 0"},
		{"global.set", i32Const(1 << 20).GlobalSet(0), nil, "global 0 of 0"},
		{"global.set of a constant", i32Const(0).GlobalSet(0),
			func(b *wasm.Builder) { b.Global(wasm.I32, false, wasm.ConstI32(0)) },
			"global 0 is not mutable"},
		{"load", i32Const(0).I32Load(0).Drop(), nil, "memory 0 of 0"},
		{"store", i32Const(0).I32Const(0).I32Store(0), nil, "memory 0 of 0"},
		{"memory.size", new(wasm.Code).MemorySize().Drop(), nil, "memory 0 of 0"},
		{"memory.grow", i32Const(1).MemoryGrow().Drop(), nil, "memory 0 of 0"},
		{"memory.fill", i32Const(0).I32Const(0).I32Const(0).MemoryFill(), nil, "memory 0 of 0"},
		{"memory.copy", i32Const(0).I32Const(0).I32Const(0).MemoryCopy(), nil, "memory 0 of 0"},
		{"memory.init", i32Const(0).I32Const(0).I32Const(0).MemoryInit(0),
			func(b *wasm.Builder) { b.PassiveData(nil) }, "memory 0 of 0"},
		{"wait", i32Const(0).I32Const(0).I64Const(0).Raw(0xfe, 1, 2, 0, 0x1a), nil,
			"memory 0 of 0"},
		{"vector load", i32Const(0).Raw(0xfd, 0, 4, 0, 0x1a), nil, "memory 0 of 0"},
		{"data.drop", new(wasm.Code).DataDrop(1), func(b *wasm.Builder) { b.PassiveData(nil) },
			"data segment 1 of 1"},
		{"data.drop without a count", raw(0xfc, 9, 0), func(b *wasm.Builder) { b.PassiveData(nil) },
			"no data count section"},
		{"throw", new(wasm.Code).Throw(0), nil, "tag 0 of 0"},
		{"catch", raw(0x02, 0x40, 0x1f, 0x40, 1, 0, 0, 0, 0x0b, 0x0b), nil, "tag 0 of 0"},
		{"older catch", raw(0x06, 0x40, 0x07, 0, 0x0b), nil, "tag 0 of 0"},
		{"local.get", new(wasm.Code).LocalGet(2).Drop(), nil, "local 2 is not declared"},
		{"local.set", i32Const(0).LocalSet(2), nil, "local 2 is not declared"},
		{"local.tee", i32Const(0).LocalTee(1<<32 - 1).Drop(), nil,
			"local 4294967295 is not declared"},
		{"br", new(wasm.Code).Br(1), nil, "label 1 of 1"},
		{"br_if", i32Const(0).BrIf(1), nil, "label 1 of 1"},
		{"br_table", i32Const(0).Raw(0x0e, 1, 1, 0), nil, "label 1 of 1"},
		{"br_table by default", i32Const(0).Raw(0x0e, 1, 0, 1), nil, "label 1 of 1"},
		{"catch to a label", raw(0x1f, 0x40, 1, 2, 1, 0x0b), nil, "label 1 of 1"},
		{"delegate", raw(0x06, 0x40, 0x18, 1), nil, "label 1 of 1"},
		{"rethrow", raw(0x06, 0x40, 0x19, 0x09, 1, 0x0b), nil, "rethrow outside of a catch"},
		{"block type", raw(0x02, 1, 0x0b), nil, "type 1 of 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, withBody(nil, nil, twoI32, tt.code, tt.add), tt.reason, nil)
			dead := new(wasm.Code).Unreachable() // what is never reached is checked as well
			if tt.name == "data.drop" || tt.name == "memory.init" {
				dead.DataDrop(0) // so that there is a data count section
			}
			refused(t, withBody(nil, nil, twoI32, dead.Raw(codeOf(tt.code)...), tt.add), tt.reason,
				nil)
		})
	}
}

// codeOf returns what was assembled.
func codeOf(c *wasm.Code) []byte {
	r := leb.NewReader(withBody(nil, nil, nil, c, nil))
	r.Bytes(wasm.HeaderSize, "header")
	for wasm.SectionID(r.Byte("id")) != wasm.SectionCode {
		r.Bytes(r.U32("size"), "section")
	}
	r.U32("size")
	r.U32("bodies")
	body := r.Sub(r.U32("size of the body"), "body")
	body.U32("locals")
	return body.Bytes(uint32(body.Len()-1), "code") // without the end
}

func withTable(b *wasm.Builder) {
	b.Table(wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}})
}

func withMemory(b *wasm.Builder) { b.Memory(1, 1, true) }

// TestValidateEncodings: where the format allows several encodings and the engine understands
// one, the others are refused. Otherwise the engine would run other instructions than those that
// were validated.
func TestValidateEncodings(t *testing.T) {
	for _, tt := range []struct {
		name string
		code *wasm.Code
		add  func(*wasm.Builder)
	}{
		// The engine takes the first byte behind the prefix for the opcode: v128.const would be
		// i16x8.shr_s, its bytes code.
		{"vector opcode", raw(append([]byte{0xfd, 0x8c, 0x00}, make([]byte, 17)...)...).Drop(),
			nil},
		{"atomic opcode", raw(0xfe, 0x83, 0x00, 0x00), nil},
		{"other opcode", new(wasm.Code).F32Const(0).Raw(0xfc, 0x80, 0x00).Drop(), nil},
		// The engine steps over one byte of type here, and would read the next as i32.rem_u.
		{"type of select", raw(0xd0, 0x70, 0xd0, 0x70, 0x41, 0, 0x1c, 1, 0x63, 0x70).Drop(), nil},
		{"heap type", raw(0xd0, 0xf0, 0x7f).Drop(), nil},
		{"memory index", raw(0x3f, 0x80, 0x00).Drop(), withMemory},
		{"memory of an access", new(wasm.Code).I32Const(0).Raw(0x28, 0x42, 0x00, 0x00).Drop(),
			withMemory},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, withBody(nil, nil, nil, tt.code, tt.add), "", wasm.ErrUnsupported)
		})
	}
	block := raw(0x02, 0xff, 0x7f, 0x41, 0, 0x0b, 0x1a)
	refused(t, withBody(nil, nil, nil, block, nil), "block type -1 is unknown", nil)
	selects := new(wasm.Code).I32Const(0).I32Const(0).I32Const(0).Raw(0x1c, 0x81, 0, 0x7f, 0x1a)
	refused(t, withBody(nil, nil, nil, selects, nil), "select of 129 types", nil)
}

// TestValidateOlderExceptions: the older form is validated too, for who translates it.
func TestValidateOlderExceptions(t *testing.T) {
	tag := func(b *wasm.Builder) { b.ImportTag("env", "tag", b.Type(i32, nil)) }
	for _, tt := range []struct {
		name   string
		code   *wasm.Code
		reason string // "" if it is valid
	}{
		{"catch", raw(0x06, 0x7f).I32Const(1).Raw(0x07, 0, 0x0b).Drop(), ""},
		{"catch_all", raw(0x06, 0x40, 0x19, 0x09, 0, 0x0b), ""},
		{"delegate", raw(0x02, 0x40, 0x06, 0x40, 0x18, 0, 0x0b), ""},
		{"delegate to the function", raw(0x06, 0x40, 0x18, 0), ""},
		{"no catch", raw(0x06, 0x40, 0x0b), ""},
		{"catch gives a value", raw(0x06, 0x40, 0x07, 0, 0x0b), "1 operands are left over"},
		{"catch behind catch_all", raw(0x06, 0x40, 0x19, 0x07, 0, 0x1a, 0x0b), "catch without try"},
		{"catch in a block", raw(0x02, 0x40, 0x07, 0, 0x0b), "catch without try"},
		{"delegate behind a catch", raw(0x06, 0x40, 0x19, 0x18, 0), "delegate without try"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := withBody(nil, nil, nil, tt.code, tag)
			if tt.reason != "" {
				refused(t, file, tt.reason, nil)
			} else if m := decode(t, file); !m.OlderExceptions {
				t.Error("nothing says that it has older exceptions")
			}
		})
	}
	if m := decode(t, withBody(nil, nil, nil, raw(0x1f, 0x40, 0, 0x0b), nil)); m.OlderExceptions {
		t.Error("try_table is taken for an older exception")
	}
}

// TestModuleLimits goes one beyond each limit, and up to it.
func TestModuleLimits(t *testing.T) {
	types := func(n int) []wasm.ValType {
		list := make([]wasm.ValType, n)
		for i := range list {
			list[i] = wasm.I32
		}
		return list
	}
	deep := func(n int) *wasm.Code {
		c := new(wasm.Code)
		for range n {
			c.Block()
		}
		for range n {
			c.End()
		}
		return c
	}
	constants := func(n int) *wasm.Code {
		c := new(wasm.Code)
		for range n {
			c.I32Const(0)
		}
		return c.Unreachable()
	}
	each := func(n int, f func(b *wasm.Builder, i int)) []byte {
		var b wasm.Builder
		b.Type(nil, nil)
		for i := range n {
			f(&b, i)
		}
		return b.Encode()
	}
	name := func(i int) string { return string(rune('a' + i)) }
	for _, tt := range []struct {
		what  string
		limit func(l *wasm.ModuleLimits) *int
		file  func(n int) []byte
	}{
		{"types", func(l *wasm.ModuleLimits) *int { return &l.Types }, func(n int) []byte {
			return each(n-1, func(b *wasm.Builder, i int) { b.Type(types(i+1), nil) })
		}},
		{"functions", func(l *wasm.ModuleLimits) *int { return &l.Functions }, func(n int) []byte {
			return each(n, func(b *wasm.Builder, i int) { b.Func(0, nil, nil) })
		}},
		{"imports", func(l *wasm.ModuleLimits) *int { return &l.Imports }, func(n int) []byte {
			return each(n, func(b *wasm.Builder, i int) { b.ImportFunc("env", name(i), 0) })
		}},
		{"exports", func(l *wasm.ModuleLimits) *int { return &l.Exports }, func(n int) []byte {
			return each(n, func(b *wasm.Builder, i int) {
				b.ExportFunc(name(i), b.Func(0, nil, nil))
			})
		}},
		{"globals", func(l *wasm.ModuleLimits) *int { return &l.Globals }, func(n int) []byte {
			return each(n, func(b *wasm.Builder, i int) {
				b.Global(wasm.I32, false, wasm.ConstI32(0))
			})
		}},
		{"tables", func(l *wasm.ModuleLimits) *int { return &l.Tables }, func(n int) []byte {
			return each(n, func(b *wasm.Builder, i int) { withTable(b) })
		}},
		{"tags", func(l *wasm.ModuleLimits) *int { return &l.Tags }, func(n int) []byte {
			return each(n, func(b *wasm.Builder, i int) { b.Tag(0) })
		}},
		{"element segments", func(l *wasm.ModuleLimits) *int { return &l.Elements },
			func(n int) []byte {
				return each(n, func(b *wasm.Builder, i int) { b.PassiveFuncs() })
			}},
		{"data segments", func(l *wasm.ModuleLimits) *int { return &l.Data }, func(n int) []byte {
			return each(n, func(b *wasm.Builder, i int) { b.PassiveData(nil) })
		}},
		{"elements", func(l *wasm.ModuleLimits) *int { return &l.Entries }, func(n int) []byte {
			var b wasm.Builder
			b.PassiveFuncs(make([]uint32, n)...)
			b.Func(b.Type(nil, nil), nil, nil)
			return b.Encode()
		}},
		{"entries of tables", func(l *wasm.ModuleLimits) *int { return &l.TableEntries },
			func(n int) []byte {
				var b wasm.Builder
				b.Table(wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: uint32(n - 1)}})
				withTable(&b)
				return b.Encode()
			}},
		{"parameters", func(l *wasm.ModuleLimits) *int { return &l.Values }, func(n int) []byte {
			return withBody(types(n), nil, nil, nil, nil)
		}},
		{"results", func(l *wasm.ModuleLimits) *int { return &l.Values }, func(n int) []byte {
			return withBody(nil, types(n), nil, new(wasm.Code).Unreachable(), nil)
		}},
		{"locals", func(l *wasm.ModuleLimits) *int { return &l.Locals }, func(n int) []byte {
			return withBody(nil, nil, types(n), nil, nil)
		}},
		{"locals of all functions together",
			func(l *wasm.ModuleLimits) *int { return &l.AllLocals }, func(n int) []byte {
				return each(n, func(b *wasm.Builder, i int) { b.Func(0, i32, nil) })
			}},
		{"bytes in a function body", func(l *wasm.ModuleLimits) *int { return &l.BodySize },
			func(n int) []byte {
				return withBody(nil, nil, nil, raw(make([]byte, n-2)...), nil)
			}},
		{"blocks within blocks", func(l *wasm.ModuleLimits) *int { return &l.Nesting },
			func(n int) []byte {
				return withBody(nil, nil, nil, deep(n), nil)
			}},
		{"operands", func(l *wasm.ModuleLimits) *int { return &l.Operands }, func(n int) []byte {
			return withBody(nil, nil, nil, constants(n), nil)
		}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			const most = 7
			limits := wasm.DefaultLimits()
			*tt.limit(&limits) = most
			if _, err := wasm.DecodeWithin(tt.file(most), limits); err != nil {
				t.Errorf("%d are refused: %v", most, err)
			}
			_, err := wasm.DecodeWithin(tt.file(most+1), limits)
			var fe *wasm.FormatError
			tooMany := errors.As(err, &fe) && errors.Is(err, wasm.ErrTooMany)
			if !tooMany || !strings.Contains(fe.Reason, tt.what+": too many") {
				t.Errorf("%d: %v", most+1, err)
			}
		})
	}
}

// TestCostLimits: what would take too long to compile is refused, by its function or by all
// together.
func TestCostLimits(t *testing.T) {
	blocks := func(functions, n int) []byte {
		var b wasm.Builder
		for range functions {
			c := new(wasm.Code)
			for range n {
				c.Block().LocalGet(0).BrIf(0).End()
			}
			b.Func(b.Type(i32, nil), nil, c)
		}
		return b.Encode()
	}
	for name, file := range map[string][]byte{"function": blocks(1, 18000),
		"module": blocks(80, 3000)} {
		_, err := wasm.Decode(file)
		if !errors.Is(err, wasm.ErrTooMany) ||
			!strings.Contains(err.Error(), "too long to compile") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := wasm.DecodeWithin(file, wasm.DefaultLimits().AnyCost()); err != nil {
			t.Errorf("%s, without a limit: %v", name, err)
		}
	}
	// Half of the module's limit is not the whole, also for the last function.
	limits := wasm.DefaultLimits()
	limits.FunctionCost = limits.ModuleCost
	if _, err := wasm.DecodeWithin(blocks(1, 18000), limits); err != nil {
		t.Errorf("one function of two thirds of the limit: %v", err)
	}
	small, large := decode(t, blocks(1, 1000)).Cost(), decode(t, blocks(3, 2000)).Cost()
	ok := small.Total > 0 && small.Total == small.Largest && large.Total == 3*large.Largest
	if !ok || large.Largest < 3*small.Total {
		t.Errorf("costs of 1000 blocks, and of three times 2000: %+v, %+v", small, large)
	}
	if large.Largest > 10*time.Second {
		t.Errorf("2000 blocks: %v", large.Largest)
	}
}
