package wasm

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// The names under which toolchains export what runs constructors and destructors.
const (
	CallCtors = "__wasm_call_ctors"
	CallDtors = "__wasm_call_dtors"
)

// UnwrapCommand returns a copy of module b, of which m is the decoded form, without the wrappers
// that wasm-ld puts around each exported function of a command. Such a wrapper runs all
// constructors, then the function, then all destructors: what is exported is a program that begins
// and ends with every call. In the copy the functions themselves are exported, and what runs
// constructors and destructors is exported besides, as [CallCtors] and [CallDtors]. Nothing else
// changes. The result is false, and b itself, unless every function that is exported is such a
// wrapper.
//
// Source: createCommandExportWrappers in LLVM's lld/wasm/Writer.cpp.
func UnwrapCommand(b []byte, m *Module) ([]byte, bool) {
	c, ok := findCommand(b, m)
	if !ok {
		return b, false
	}
	exports := make([]Export, 0, len(m.Exports)+2)
	for _, e := range m.Exports {
		if e.Kind == KindFunc {
			e.Index = c.inner[e.Index]
		}
		exports = append(exports, e)
	}
	exports = append(exports, Export{Name: CallCtors, Kind: KindFunc, Index: c.ctors})
	if c.hasDtors {
		exports = append(exports, Export{Name: CallDtors, Kind: KindFunc, Index: c.dtors})
	}
	out := appendHeader(make([]byte, 0, len(b)+64))
	for _, s := range m.Sections {
		if s.ID == SectionExport {
			out = appendList(out, SectionExport, exports, appendExport)
		} else {
			out = append(out, b[s.Offset:s.End]...)
		}
	}
	return out, true
}

// command is what the wrappers of a command call.
type command struct {
	ctors, dtors uint32
	hasDtors     bool
	inner        map[uint32]uint32 // the function that each wrapper is for
}

func findCommand(b []byte, m *Module) (command, bool) {
	c := command{inner: map[uint32]uint32{}}
	bodies := m.bodies(b)
	for _, e := range m.Exports {
		if e.Name == CallCtors || e.Name == CallDtors {
			return command{}, false
		}
		if e.Kind != KindFunc {
			continue
		}
		if _, seen := c.inner[e.Index]; seen {
			continue
		}
		i, ok := m.defined(KindFunc, e.Index)
		if !ok || i >= len(bodies) {
			return command{}, false
		}
		first := len(c.inner) == 0
		if !c.wrapper(m, e.Index, bodies[i], first) {
			return command{}, false
		}
	}
	return c, len(c.inner) > 0
}

// wrapper takes one function apart. What the first one calls is what all others have to call.
func (c *command) wrapper(m *Module, index uint32, body []byte, first bool) bool {
	t, _ := m.FuncType(index)
	r := leb.NewReader(body)
	call := func() (uint32, bool) {
		if r.Len() == 0 || r.Byte("opcode") != 0x10 {
			return 0, false
		}
		f := r.U32("function")
		_, known := m.FuncType(f)
		return f, known && r.Err() == nil
	}
	plain := func(f uint32) bool {
		t, _ := m.FuncType(f)
		return len(t.Params)+len(t.Results) == 0
	}
	if r.U32("local groups") != 0 {
		return false
	}
	ctors, ok := call()
	if !ok || !plain(ctors) || !first && ctors != c.ctors {
		return false
	}
	for p := range t.Params {
		if r.Len() == 0 || r.Byte("opcode") != 0x20 || r.U32("local") != uint32(p) {
			return false
		}
	}
	inner, ok := call()
	if it, _ := m.FuncType(inner); !ok || !it.Equal(t) {
		return false
	}
	dtors, has := uint32(0), r.Len() > 1
	if has {
		if dtors, ok = call(); !ok || !plain(dtors) {
			return false
		}
	}
	if !first && (has != c.hasDtors || dtors != c.dtors) || r.Len() != 1 || r.Byte("opcode") != opEnd {
		return false
	}
	c.ctors, c.dtors, c.hasDtors = ctors, dtors, has
	c.inner[index] = inner
	return true
}

// bodies returns the bodies of the defined functions of module b, of which m is the decoded form.
func (m *Module) bodies(b []byte) [][]byte {
	code, ok := m.Section(SectionCode)
	if !ok {
		return nil
	}
	r := leb.NewReader(b[code.Payload:code.End])
	n := r.U32("functions")
	var list [][]byte
	for range min(n, uint32(r.Len())) {
		list = append(list, r.Bytes(r.U32("size"), "body"))
	}
	if r.Err() != nil {
		return nil
	}
	return list
}

// CallsDirectly reports whether the code of one defined function of module b, of which m is the
// decoded form, calls another one by its index. Functions that are imported call nobody.
func (m *Module) CallsDirectly(b []byte, caller, callee uint32) bool {
	i, ok := m.defined(KindFunc, caller)
	bodies := m.bodies(b)
	if !ok || i >= len(bodies) {
		return false
	}
	found := false
	err := walk(bodies[i], func(x instruction) {
		if x.opcode == 0x10 {
			found = found || leb.NewReader(bodies[i][x.start+1:x.end]).U32("function") == callee
		}
	})
	return err == nil && found
}
