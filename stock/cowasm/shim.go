package cowasm

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

// The kernel exports most of its C library as functions without parameters that return pointers.
const exportPrefix = "__WASM_EXPORT__"

// pointers are the types of functions of the kernel whose pointers only are imported.
func pointers() map[string]string {
	types := map[string]string{"copysign": "(f64, f64) -> (f64)", "__SIG_ERR": "(i32) -> ()",
		"__SIG_IGN": "(i32) -> ()"}
	for _, name := range []string{"acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "exp2",
		"expm1", "fabs", "sqrt", "trunc"} {
		types[name] = "(f64) -> (f64)"
	}
	return types
}

// shim is a library that gives what the kernel has under other names the names that others import.
type shim struct {
	functions map[string]string // the type, by name
	data      map[string]bool
}

// newShim finds what modules import and the kernel has under another name only.
func newShim(kernel []byte, users ...[]byte) (*shim, error) {
	s := &shim{functions: map[string]string{}, data: map[string]bool{}}
	has := map[string]bool{} // under which name
	read := func(b []byte) (*modinfo.Module, error) {
		m, err := modinfo.Read(b)
		if err != nil {
			return nil, err
		}
		for _, x := range m.Exports {
			has[x.Name] = true
		}
		return m, nil
	}
	var modules []*modinfo.Module
	for _, b := range slices.Concat([][]byte{kernel}, users) {
		m, err := read(b)
		if err != nil {
			return nil, err
		}
		modules = append(modules, m)
	}
	wanted := map[modinfo.Kind]map[string]string{modinfo.Function: {}, modinfo.Pointer: {},
		modinfo.Address: {}}
	for _, m := range modules[1:] {
		for _, x := range m.Imports {
			if list := wanted[x.Kind]; list != nil && !has[x.Name] && has[exportPrefix+x.Name] {
				list[x.Name] = x.Type
			}
		}
	}
	// What the kernel imports itself, it only hands on: its pointer would lead back here.
	for _, x := range modules[0].Imports {
		if x.Kind == modinfo.Function {
			delete(wanted[modinfo.Function], x.Name)
			delete(wanted[modinfo.Pointer], x.Name)
		}
	}
	maps.Copy(s.functions, wanted[modinfo.Function])
	for name, typ := range pointers() {
		if _, imported := wanted[modinfo.Pointer][name]; imported && s.functions[name] == "" {
			s.functions[name] = typ
		}
	}
	for name := range wanted[modinfo.Address] {
		s.data[name] = true
	}
	return s, nil
}

// load asks the kernel for the pointers, and links the library.
func (s *shim) load(ctx context.Context, g *linker.Group) error {
	at := map[string]uint32{}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(s.functions)),
		slices.Collect(maps.Keys(s.data))) {
		r, err := g.Call(ctx, linker.Default, exportPrefix+name)
		if err != nil {
			return err
		}
		at[name] = uint32(r[0])
	}
	_, err := g.OpenBytes(ctx, "kernel-names.so", s.encode(at))
	return err
}

// absolute is the flag of a symbol whose value is an address, not an offset.
const absolute = 0x200

// encode writes the library: each function calls a pointer, each data symbol is an address.
func (s *shim) encode(at map[string]uint32) []byte {
	functions, data := slices.Sorted(maps.Keys(s.functions)), slices.Sorted(maps.Keys(s.data))
	var types, indices, globals, exports, bodies, flags list
	for i, name := range functions {
		params, results := parse(s.functions[name])
		types.add(slices.Concat([]byte{0x60}, vector(params), vector(results)))
		indices.add(unsigned(uint64(i)))
		exports.add(slices.Concat(text(name), []byte{0}, unsigned(uint64(i))))
		body := []byte{0} // no locals
		for p := range params {
			body = append(append(body, 0x20), unsigned(uint64(p))...) // local.get
		}
		body = append(append(body, 0x41), signed(int32(at[name]))...)        // i32.const
		body = append(append(append(body, 0x11), unsigned(uint64(i))...), 0) // call_indirect
		bodies.add(vector(append(body, 0x0b)))
	}
	for i, name := range data {
		globals.add(slices.Concat([]byte{0x7f, 0, 0x41}, signed(int32(at[name])), []byte{0x0b}))
		exports.add(slices.Concat(text(name), []byte{3}, unsigned(uint64(i))))
		flags.add(slices.Concat(text(name), unsigned(absolute)))
	}
	imports := list{n: 2, b: slices.Concat(text("env"), text("memory"), []byte{2, 0, 0},
		text("env"),
		text("__indirect_function_table"), []byte{1, 0x70, 0, 0})}
	// memory information: no data, no entries of the table; and export information
	dylink := slices.Concat(text("dylink.0"), []byte{1, 4, 0, 0, 0, 0, 3}, vector(flags.bytes()))
	out := slices.Concat([]byte("\x00asm\x01\x00\x00\x00\x00"), vector(dylink))
	for _, section := range []struct {
		id byte
		l  list
	}{{1, types}, {2, imports}, {3, indices}, {6, globals}, {7, exports}, {10, bodies}} {
		out = append(append(out, section.id), vector(section.l.bytes())...)
	}
	return out
}

// list is a list of items as WebAssembly has it, its length first.
type list struct {
	n int
	b []byte
}

func (l *list) add(item []byte) { l.n, l.b = l.n+1, append(l.b, item...) }

func (l *list) bytes() []byte { return append(unsigned(uint64(l.n)), l.b...) }

func unsigned(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func signed(n int32) (b []byte) {
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

func vector(b []byte) []byte { return append(unsigned(uint64(len(b))), b...) }

func text(s string) []byte { return vector([]byte(s)) }

// parse is the reverse of how package modinfo writes a signature: "(i32, i64) -> (f32)".
func parse(signature string) (params, results []byte) {
	types := map[string]byte{"i32": api.ValueTypeI32, "i64": api.ValueTypeI64,
		"f32": api.ValueTypeF32, "f64": api.ValueTypeF64}
	side := func(s string) (b []byte) {
		for name := range strings.SplitSeq(strings.Trim(s, "() "), ", ") {
			if t, ok := types[name]; ok {
				b = append(b, t)
			}
		}
		return b
	}
	before, after, _ := strings.Cut(signature, "->")
	return side(before), side(after)
}
