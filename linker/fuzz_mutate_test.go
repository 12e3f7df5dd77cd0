package linker_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// FuzzOpenMutated opens real libraries that were changed in their meaning, where bytes at random
// mostly give what is no module at all: the first byte chooses the library, and three bytes each a
// change, see [mutations]. What must hold is the same, see [fuzzed.open].
func FuzzOpenMutated(f *testing.F) {
	var libraries [][]byte
	for _, name := range wasmFiles(f, "testdata/plain") {
		if module := readFixture(f, "plain/"+name); len(module) < 4<<10 {
			libraries = append(libraries, module)
		}
	}
	for l := range libraries {
		f.Add([]byte{byte(l)})
	}
	for k := range mutations() {
		for l := range 3 {
			f.Add([]byte{byte((k + l) * len(libraries) / 3), byte(k), byte(l), byte(7 * l)})
		}
	}
	x := newFuzzed(f)
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) == 0 || len(choices) > 1+3*16 {
			t.Skip("no choice, or more than one wants to read")
		}
		x.open(t, mutate(libraries[int(choices[0])%len(libraries)], choices[1:]))
	})
}

// mutate changes a module as bytes say. Changes stop with one that makes it no module any more:
// that one is to be refused.
func mutate(module []byte, choices []byte) []byte {
	all := mutations()
	for ; len(choices) >= 3; choices = choices[3:] {
		m, err := wasm.Decode(module)
		if err != nil || len(m.Sections) == 0 {
			break
		}
		module = all[int(choices[0])%len(all)](&mutation{module, m, int(choices[1]), choices[2]})
	}
	return module
}

// mutation is one change: which of several things, and to what.
type mutation struct {
	bytes []byte
	m     *wasm.Module
	which int
	value byte
}

// number returns the value as a number, mostly one at an edge.
func (x *mutation) number() uint32 {
	edges := []uint32{1 << 15, 1<<16 - 1, 1 << 16, 1 << 20, 1 << 23, 1<<31 - 1, 1 << 31, 1<<32 - 8,
		1<<32 - 1}
	if int(x.value) < len(edges) {
		return edges[x.value]
	}
	return uint32(x.value) - uint32(len(edges))
}

// name returns the value as a name: what the linker knows, or what the module itself has.
func (x *mutation) name() string {
	names := []string{"", "env", "GOT.mem", "GOT.func", "wasi_snapshot_preview1", "wasix_32v1",
		"memory", "__memory_base", "__table_base",
		"__stack_pointer", "__indirect_function_table", "__wasm_call_ctors",
		"__wasm_apply_data_relocs", "__wasm_apply_global_relocs",
		"__wasm_init_tls", "__tls_base", "__tls_size", "__tls_align", "__cpp_exception",
		"_initialize", "_start", "malloc", "main_triple",
		"libother.wasm", "libcircle_a.wasm", "fuzzed", "nobody", "..", "lockstep:waits"}
	for _, e := range x.m.Exports {
		names = append(names, e.Name)
	}
	return names[int(x.value)%len(names)]
}

// mutations are the ways to change a module. Each is of what a linker reads.
func mutations() []func(x *mutation) []byte {
	dylinkField := func(set func(x *mutation, info *dylink.Info)) func(*mutation) []byte {
		return func(x *mutation) []byte {
			info, err := dylink.Read(x.bytes)
			if err != nil {
				return x.bytes
			}
			set(x, info)
			return slices.Concat(x.bytes[:wasm.HeaderSize], info.Encode(),
				x.bytes[x.m.Sections[0].End:])
		}
	}
	return []func(x *mutation) []byte{
		dylinkField(func(x *mutation, info *dylink.Info) { info.MemorySize = x.number() }),
		dylinkField(func(x *mutation, info *dylink.Info) {
			info.MemoryAlignment = uint32(x.value) % 33
		}),
		dylinkField(func(x *mutation, info *dylink.Info) { info.TableSize = x.number() }),
		dylinkField(func(x *mutation, info *dylink.Info) {
			info.TableAlignment = uint32(x.value) % 33
		}),
		dylinkField(func(x *mutation, info *dylink.Info) {
			info.Needed = append(info.Needed, x.name())
		}),
		dylinkField(func(_ *mutation, info *dylink.Info) { info.Needed = nil }),
		dylinkField(func(x *mutation, info *dylink.Info) {
			info.RuntimePath = append(info.RuntimePath, "$ORIGIN/"+x.name())
		}),
		dylinkField(func(x *mutation, info *dylink.Info) {
			if e := pick(x.m.Exports, x.which); e != nil {
				info.Exports = append(info.Exports,
					dylink.ExportInfo{Name: e.Name, Flags: dylink.Flags(x.number())})
			}
		}),
		dylinkField(func(x *mutation, info *dylink.Info) {
			if i := pick(x.m.Imports, x.which); i != nil {
				info.Imports = append(info.Imports,
					dylink.ImportInfo{Module: i.Module, Field: i.Name,
						Flags: dylink.Flags(x.number())})
			}
		}),
		importField(func(x *mutation, i *wasm.Import) { i.Kind = wasm.Kind(x.value % 5) }),
		importField(func(x *mutation, i *wasm.Import) { i.Name = x.name() }),
		importField(func(x *mutation, i *wasm.Import) { i.Module = x.name() }),
		importField(func(x *mutation, i *wasm.Import) { i.Type = uint32(x.value) }),
		importField(func(x *mutation, i *wasm.Import) { i.Global.Mutable = !i.Global.Mutable }),
		importField(func(x *mutation, i *wasm.Import) { i.Table.Limits.Min = x.number() }),
		importField(func(x *mutation, i *wasm.Import) { i.Memory.Limits.Min = x.number() }),
		exportField(func(x *mutation, e *wasm.Export) { e.Index = uint32(x.value) }),
		exportField(func(x *mutation, e *wasm.Export) { e.Kind = wasm.Kind(x.value % 5) }),
		exportField(func(x *mutation, e *wasm.Export) { e.Name = x.name() }),
		func(x *mutation) []byte { // where a data segment goes
			if d := pick(x.m.Data, x.which); d != nil {
				d.Offset, d.Mode = x.offset(), wasm.Active
			}
			return x.replace(wasm.SectionData, numbered(len(x.m.Data), func(i int) []byte {
				d := x.m.Data[i]
				if d.Mode == wasm.Active {
					return leb.AppendBytes(append([]byte{0}, d.Offset.Bytes()...), d.Bytes)
				}
				return leb.AppendBytes([]byte{1}, d.Bytes)
			}))
		},
		func(x *mutation) []byte { // where table entries go, and what they are
			if e := pick(x.m.Elements, x.which); e != nil {
				if x.which%2 == 0 {
					e.Offset = x.offset()
				} else if f := pick(e.Funcs, x.which/2); f != nil {
					*f = uint32(x.value)
				}
			}
			return x.replace(wasm.SectionElement, numbered(len(x.m.Elements), func(i int) []byte {
				e := x.m.Elements[i]
				return slices.Concat([]byte{0}, e.Offset.Bytes(),
					numbered(len(e.Funcs),
						func(i int) []byte { return leb.AppendU32(nil, e.Funcs[i]) }))
			}))
		},
		func(x *mutation) []byte { return x.replace(wasm.SectionStart, []byte{x.value}) },
		func(x *mutation) []byte {
			return x.replace(wasm.SectionTable, []byte{1, byte(wasm.FuncRef), 0, x.value % 128})
		},
		func(x *mutation) []byte {
			return x.replace(wasm.SectionMemory, []byte{1, 0, x.value % 128})
		},
		func(x *mutation) []byte { // a byte of a section: in the code, that is relocations too
			s := pick(x.m.Sections, int(x.value))
			changed := slices.Clone(x.bytes)
			if length := s.End - s.Payload; length > 0 {
				changed[s.Payload+x.which*length/256] ^= 1 << (x.value % 8)
			}
			return changed
		},
		func(x *mutation) []byte { // a function instead of another one
			bodies := x.bodies()
			if b := pick(bodies, x.which); b != nil {
				*b = *pick(bodies, int(x.value))
			}
			return x.replace(wasm.SectionCode,
				numbered(len(bodies),
					func(i int) []byte { return leb.AppendBytes(nil, bodies[i]) }))
		},
		func(x *mutation) []byte { // a section less
			s := pick(x.m.Sections, x.which)
			return slices.Concat(x.bytes[:s.Offset], x.bytes[s.End:])
		},
	}
}

// pick returns one of a list, nil if it is empty.
func pick[T any](list []T, which int) *T {
	if len(list) == 0 {
		return nil
	}
	return &list[which%len(list)]
}

// offset returns the value as where a segment begins.
func (x *mutation) offset() wasm.ConstExpr {
	if x.value%4 == 0 {
		return wasm.ConstGlobal(uint32(x.which))
	}
	return wasm.ConstI32(int32(x.number()))
}

// bodies are the functions of the module.
func (x *mutation) bodies() (bodies [][]byte) {
	s, _ := x.m.Section(wasm.SectionCode)
	r := leb.NewReader(x.bytes[s.Payload:s.End])
	for n := r.U32("functions"); n > 0; n-- {
		bodies = append(bodies, r.Bytes(r.U32("size"), "body"))
	}
	return bodies
}

// replace returns the module with another section of an id, where that belongs.
func (x *mutation) replace(id wasm.SectionID, payload []byte) []byte {
	section := rawSection(id, payload)
	order := []wasm.SectionID{wasm.SectionType, wasm.SectionImport, wasm.SectionFunction,
		wasm.SectionTable, wasm.SectionMemory, wasm.SectionTag,
		wasm.SectionGlobal, wasm.SectionExport, wasm.SectionStart, wasm.SectionElement,
		wasm.SectionDataCount, wasm.SectionCode, wasm.SectionData}
	for _, s := range x.m.Sections {
		if s.ID == id {
			return slices.Concat(x.bytes[:s.Offset], section, x.bytes[s.End:])
		}
		if s.ID != wasm.SectionCustom && slices.Index(order, s.ID) > slices.Index(order, id) {
			return slices.Concat(x.bytes[:s.Offset], section, x.bytes[s.Offset:])
		}
	}
	return slices.Concat(x.bytes, section)
}

// Every change changes some library, most of them without making it undecodable, and a change to
// nothing changes nothing.
func TestMutations(t *testing.T) {
	module := readFixture(t, "plain/libfnptr.wasm")
	decoded := 0
	for k := range mutations() {
		changed := false
		for which := range 8 {
			for value := range 16 {
				mutated := mutate(module, []byte{byte(k), byte(which), byte(value)})
				changed = changed || !bytes.Equal(mutated, module)
				if _, err := wasm.Decode(mutated); err == nil {
					decoded++
				}
			}
		}
		if !changed {
			t.Errorf("change %d changes nothing", k)
		}
	}
	if all := 8 * 16 * len(mutations()); decoded < all/2 {
		t.Errorf("%d of %d are modules", decoded, all)
	}
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	x := &mutation{module, m, 0, 0}
	nothing := func(*mutation, *wasm.Import) {}
	if same := importField(nothing)(x); !bytes.Equal(same, module) {
		t.Errorf("the imports are written differently:\n%x\n%x", same, module)
	}
	if same := exportField(func(*mutation, *wasm.Export) {})(x); !bytes.Equal(same, module) {
		t.Errorf("the exports are written differently:\n%x\n%x", same, module)
	}
}

// importField changes one import.
func importField(set func(x *mutation, i *wasm.Import)) func(*mutation) []byte {
	return func(x *mutation) []byte {
		if i := pick(x.m.Imports, x.which); i != nil {
			set(x, i)
		}
		return x.replace(wasm.SectionImport,
			numbered(len(x.m.Imports), func(k int) []byte { return rawImport(&x.m.Imports[k]) }))
	}
}

// rawImport is an import as it is in a file. What its kind needs and it does not have, because it
// was of another kind, is zero or externref.
func rawImport(i *wasm.Import) []byte {
	b := append(leb.AppendName(leb.AppendName(nil, i.Module), i.Name), byte(i.Kind))
	limits := func(l wasm.Limits) {
		b = leb.AppendU32(b, l.Min)
		if l.HasMax {
			b = leb.AppendU32(b, l.Max)
		}
	}
	flag := func(flags ...bool) (f byte) {
		for bit, set := range flags {
			if set {
				f |= 1 << bit
			}
		}
		return f
	}
	switch i.Kind {
	case wasm.KindFunc:
		b = leb.AppendU32(b, i.Type)
	case wasm.KindTable:
		b = append(b, byte(max(i.Table.Elem, wasm.ExternRef)), flag(i.Table.Limits.HasMax))
		limits(i.Table.Limits)
	case wasm.KindMemory:
		b = append(b, flag(i.Memory.Limits.HasMax, i.Memory.Shared))
		limits(i.Memory.Limits)
	case wasm.KindGlobal:
		b = append(b, byte(max(i.Global.Type, wasm.ExternRef)), flag(i.Global.Mutable))
	case wasm.KindTag:
		b = leb.AppendU32(append(b, 0), i.Type)
	}
	return b
}

// exportField changes one export.
func exportField(set func(x *mutation, e *wasm.Export)) func(*mutation) []byte {
	return func(x *mutation) []byte {
		if e := pick(x.m.Exports, x.which); e != nil {
			set(x, e)
		}
		return x.replace(wasm.SectionExport, numbered(len(x.m.Exports), func(k int) []byte {
			e := x.m.Exports[k]
			return leb.AppendU32(append(leb.AppendName(nil, e.Name), byte(e.Kind)), e.Index)
		}))
	}
}
