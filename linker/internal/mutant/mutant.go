package mutant

import (
	"bytes"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// Size is how many bytes of choices make one change.
const Size = 6

// Apply returns a module with the changes that choices say, one for each [Size] bytes. Parts of
// another module may come into it. Neither module is changed.
func Apply(module, other, choices []byte) []byte {
	for len(choices) >= Size {
		m := &mutation{module: module, other: other, choices: choices[:Size]}
		module, choices = m.apply(), choices[Size:]
	}
	return module
}

// mutation is one change: what it does, to which of several things, and two values.
type mutation struct {
	module, other []byte
	choices       []byte
	*scanner
}

func (m *mutation) which() int  { return int(m.choices[1])<<8 | int(m.choices[2]) }
func (m *mutation) value() byte { return m.choices[3] }
func (m *mutation) wide() int   { return int(m.choices[4])<<8 | int(m.choices[5]) }

// apply makes the change. What has no such thing stays as it is.
func (m *mutation) apply() []byte {
	m.scanner = scan(m.module, m.wide())
	changes := []func(*mutation) []byte{
		(*mutation).changeNumber, (*mutation).changeNumber, (*mutation).changeNumber,
		(*mutation).padNumber, (*mutation).changeSize, (*mutation).changeOctet,
		(*mutation).changeName,
		(*mutation).changeOpcode, (*mutation).removeInstruction, (*mutation).copyInstruction,
		(*mutation).changeInstruction, (*mutation).changeBytes, (*mutation).removeSection,
		(*mutation).copySection, (*mutation).moveSection, (*mutation).addCustom, (*mutation).flip,
		(*mutation).cut, (*mutation).resizeBytes,
	}
	return changes[int(m.choices[0])%len(changes)](m)
}

// of picks a field of one of some kinds, false if there is none.
func (m *mutation) of(kinds ...kind) (field, bool) {
	n := 0
	for _, f := range m.fields {
		if slices.Contains(kinds, f.kind) {
			n++
		}
	}
	if n == 0 {
		return field{}, false
	}
	k := m.which() % n
	for _, f := range m.fields {
		if slices.Contains(kinds, f.kind) {
			if k == 0 {
				return f, true
			}
			k--
		}
	}
	return field{}, false
}

// replace puts bytes in the place of a field, and the sizes around it right.
func (m *mutation) replace(f field, with []byte) []byte {
	out := slices.Concat(m.module[:f.at], with, m.module[f.end:])
	grown := len(with) - (f.end - f.at)
	for b := f.box; b >= 0; b = m.boxes[b].outer {
		x := m.boxes[b]
		size := leb.AppendU32(nil, uint32(x.end-x.start+grown))
		out = slices.Concat(out[:x.sizeAt], size, out[x.start:])
		grown += len(size) - (x.start - x.sizeAt)
	}
	return out
}

// numbers are what a number may become besides one more and one less: edges of what it may mean.
func numbers() []uint32 {
	return []uint32{
		0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 1 << 10, 1<<14 - 1, 1 << 14,
		1 << 15, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 20, 1 << 24, 1 << 27, 1<<31 - 1, 1 << 31,
		1<<32 - 1<<16, 1<<32 - 8, 1<<32 - 1,
	}
}

func (m *mutation) changeNumber() []byte {
	f, ok := m.of(number, signed)
	if !ok {
		return m.module
	}
	r := leb.NewReader(m.module[f.at:f.end])
	edges := numbers()
	if f.kind == signed {
		v := r.S64("number")
		switch n := int(m.value()) % (len(edges) + 3); n {
		case len(edges):
			v++
		case len(edges) + 1:
			v--
		case len(edges) + 2:
			v = -v
		default:
			v = int64(int32(edges[n]))
		}
		return m.replace(f, leb.AppendS64(nil, v))
	}
	v := r.U32("number")
	switch n := int(m.value()) % (len(edges) + 3); n {
	case len(edges):
		v++
	case len(edges) + 1:
		v--
	case len(edges) + 2:
		v ^= 1 << (m.wide() % 32)
	default:
		v = edges[n]
	}
	return m.replace(f, leb.AppendU32(nil, v))
}

// padNumber writes a number in more bytes than it needs, now and then in too many.
func (m *mutation) padNumber() []byte {
	f, ok := m.of(number, signed, size)
	if !ok {
		return m.module
	}
	b := bytes.Clone(m.module[f.at:f.end])
	fill := byte(0)
	if f.kind == signed && b[len(b)-1]&0x40 != 0 {
		fill = 0x7f
	}
	for range 1 + m.value()%5 {
		b[len(b)-1] |= 0x80
		b = append(b, fill)
	}
	return m.replace(f, b)
}

// changeSize makes a size wrong.
func (m *mutation) changeSize() []byte {
	f, ok := m.of(size)
	if !ok {
		return m.module
	}
	v := leb.NewReader(m.module[f.at:f.end]).U32("size")
	edges := numbers()
	switch n := int(m.value()) % (len(edges) + 2); n {
	case len(edges):
		v++
	case len(edges) + 1:
		v--
	default:
		v = edges[n]
	}
	return m.replace(f, leb.AppendU32(nil, v))
}

func (m *mutation) changeOctet() []byte {
	f, ok := m.of(octet)
	if !ok {
		return m.module
	}
	known := []byte{
		0, 1, 2, 3, 4, 5, 6, 7, 0x40, 0x60, 0x63, 0x64, 0x69, 0x6f, 0x70, 0x7b, 0x7c, 0x7d, 0x7e,
		0x7f,
	}
	b := m.value()
	if b < 200 {
		b = known[int(b)%len(known)]
	}
	return m.replace(f, []byte{b})
}

// names are what a name may become.
func names() []string {
	return []string{
		"", "env", "GOT.mem", "GOT.func", "wasi_snapshot_preview1", "wasix_32v1", "memory",
		"__memory_base",
		"__table_base", "__stack_pointer", "__indirect_function_table", "__wasm_call_ctors",
		"__wasm_apply_data_relocs", "__wasm_apply_global_relocs", "__wasm_init_tls", "__tls_base",
		"__tls_size", "__tls_align", "__cpp_exception", "__c_longjmp", "_initialize", "_start",
		"malloc",
		"free", "dlopen", "dlsym", "main_triple", "libother.wasm", "libcircle_a.wasm", "fuzzed",
		"nobody",
		"..", "/", "$ORIGIN", "a\x00b", "\xff\xfe", "lockstep:waits", "lockstep:loops", "dylink.0",
		"dylink",
		"name", ".debug_info", "proc_exit", "fd_write",
	}
}

// changeName gives something another name: one that the linker knows, or one of the module itself.
func (m *mutation) changeName() []byte {
	f, ok := m.of(name)
	if !ok {
		return m.module
	}
	list := names()
	k := m.wide() % (2 * len(list))
	if k < len(list) {
		return m.replace(f, leb.AppendName(nil, list[k]))
	}
	g := f
	for i, n := 0, m.wide(); i < len(m.fields); i++ {
		if o := m.fields[(i+n)%len(m.fields)]; o.kind == name && o != f {
			g = o
			break
		}
	}
	return m.replace(f, m.module[g.at:g.end])
}

func (m *mutation) changeOpcode() []byte {
	f, ok := m.of(opcode)
	if !ok {
		return m.module
	}
	b := m.value()
	if m.choices[5]%2 == 0 { // one with the same immediates
		was := immediates(m.module[f.at])
		for range 256 {
			if b++; immediates(b) == was && b < 0xfc {
				break
			}
		}
	}
	return m.replace(f, []byte{b})
}

// span picks an instruction.
func (m *mutation) span(k int) (field, bool) {
	if len(m.spans) == 0 {
		return field{}, false
	}
	return m.spans[k%len(m.spans)], true
}

func (m *mutation) removeInstruction() []byte {
	f, ok := m.span(m.which())
	if !ok {
		return m.module
	}
	return m.replace(f, nil)
}

// copyInstruction puts an instruction before another one.
func (m *mutation) copyInstruction() []byte {
	f, ok := m.span(m.which())
	if !ok {
		return m.module
	}
	from, _ := m.span(int(m.value()) * 7)
	before := field{raw, f.at, f.at, f.box}
	return m.replace(before, m.module[from.at:from.end])
}

// instructions are some that a linker has to do with, or that the format has several forms of.
func instructions() [][]byte {
	return [][]byte{
		{0x00}, {0x01}, {0x0b}, {0x05}, {0x1a}, {0x0f}, {0x03, 0x40, 0x0c, 0, 0x0b}, {0x02, 0x40},
		{0x0c, 0},
		{0x41, 0}, {0x42, 0}, {0x41, 0, 0x0d, 0}, {0x10, 0}, {0x11, 0, 0}, {0x12, 0}, {0x23, 0},
		{0x24, 0}, {0x25, 0},
		{0x26, 0},
		{0x41, 0, 0xd2, 0, 0x26, 0}, {0xd0, 0x70}, {0xd0, 0x69}, {0xd2, 0}, {0x1c, 1, 0x70},
		{0x1c, 1, 0x63, 0x70},
		{0xfc, 8, 0, 0}, {0xfc, 9, 0}, {0xfc, 0x8b, 0, 0}, {0xfc, 10, 0, 0}, {0xfc, 12, 0, 0},
		{0xfc, 13, 0}, {0xfc, 15, 0},
		{0xfc, 16, 0, 0x1a}, {0xfd, 0x8c, 0},
		{0xfd, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x1a},
		{0xfe, 3, 0}, {0xfe, 0, 2, 0}, {0xfe, 1, 2, 0}, {0x06, 0x40, 0x19, 0x0b},
		{0x1f, 0x40, 0, 0x0b},
		{0x1f, 0x40, 1, 2, 0, 0x0b}, {0x08, 0}, {0x0a}, {0x3f, 0, 0x1a}, {0x41, 1, 0x40, 0, 0x1a},
	}
}

// changeInstruction puts some instructions before another one.
func (m *mutation) changeInstruction() []byte {
	f, ok := m.span(m.which())
	if !ok {
		return m.module
	}
	list := instructions()
	return m.replace(field{raw, f.at, f.at, f.box}, list[int(m.value())%len(list)])
}

func (m *mutation) changeBytes() []byte {
	f, ok := m.of(raw)
	if !ok || f.at == f.end {
		return m.module
	}
	b := bytes.Clone(m.module[f.at:f.end])
	b[m.wide()%len(b)] = m.value()
	return m.replace(f, b)
}

// resizeBytes makes bytes longer or shorter than what says how many they are.
func (m *mutation) resizeBytes() []byte {
	f, ok := m.of(raw, name)
	if !ok {
		return m.module
	}
	if n := f.end - f.at; m.value()%2 == 0 && n > 0 {
		return m.replace(f, m.module[f.at:f.end-1-m.wide()%n])
	}
	more := bytes.Repeat([]byte{m.value()}, 1+m.wide()%64)
	return m.replace(f, slices.Concat(m.module[f.at:f.end], more))
}

// flip changes a byte wherever it is.
func (m *mutation) flip() []byte {
	if len(m.module) == 0 {
		return m.module
	}
	out := bytes.Clone(m.module)
	out[(m.which()<<16|m.wide())%len(out)] ^= max(m.value(), 1)
	return out
}

// cut ends the module early.
func (m *mutation) cut() []byte {
	if len(m.module) == 0 {
		return m.module
	}
	return bytes.Clone(m.module[:(m.which()<<16|m.wide())%len(m.module)])
}
