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
	if c.hasCtors {
		exports = append(exports, Export{Name: CallCtors, Kind: KindFunc, Index: c.ctors})
	}
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

// command is what the wrappers of a command call. Either may be missing.
type command struct {
	ctors, dtors       uint32
	hasCtors, hasDtors bool
	inner              map[uint32]uint32 // the function that each wrapper is for
}

func findCommand(b []byte, m *Module) (command, bool) {
	c := command{inner: map[uint32]uint32{}}
	bodies := m.bodies(b)
	wrappers := map[uint32]callSequence{}
	known := false
	for _, e := range m.Exports {
		if e.Name == CallCtors || e.Name == CallDtors {
			return command{}, false
		}
		if e.Kind != KindFunc {
			continue
		}
		i, ok := m.defined(KindFunc, e.Index)
		if !ok || i >= len(bodies) {
			return command{}, false
		}
		s, ok := m.sequence(e.Index, bodies[i])
		if !ok {
			return command{}, false
		}
		wrappers[e.Index] = s
		// What has neither parameters nor results looks as what it is wrapped in, so it does not
		// tell.
		if s.at >= 0 && !known {
			known = true
			if c.hasCtors = s.at > 0; c.hasCtors {
				c.ctors = s.calls[0]
			}
			if c.hasDtors = s.at+1 < len(s.calls); c.hasDtors {
				c.dtors = s.calls[s.at+1]
			}
		}
	}
	if !known || !c.hasCtors && !c.hasDtors {
		return command{}, false
	}
	for index, s := range wrappers {
		if !c.fits(s) {
			return command{}, false
		}
		at := 0
		if c.hasCtors {
			at = 1
		}
		c.inner[index] = s.calls[at]
	}
	return c, true
}

// callSequence is the body of a function that does nothing but call others, one of them with its
// own arguments.
type callSequence struct {
	calls []uint32
	at    int // which of them has the arguments or the results; -1: there are none
}

// fits reports whether a sequence is a wrapper like the others.
func (c *command) fits(s callSequence) bool {
	calls := s.calls
	if c.hasCtors {
		if len(calls) == 0 || calls[0] != c.ctors || s.at == 0 {
			return false
		}
		calls = calls[1:]
	}
	if c.hasDtors {
		if len(calls) == 0 || calls[len(calls)-1] != c.dtors || s.at == len(s.calls)-1 {
			return false
		}
		calls = calls[:len(calls)-1]
	}
	return len(calls) == 1
}

// sequence takes a function apart.
func (m *Module) sequence(index uint32, body []byte) (s callSequence, ok bool) {
	t, _ := m.FuncType(index)
	r := leb.NewReader(body)
	s.at = -1
	if r.U32("local groups") != 0 {
		return s, false
	}
	for len(s.calls) < 4 && r.Len() > 0 {
		opcode := r.Byte("opcode")
		args := len(t.Params) > 0 && opcode == 0x20
		for p := range t.Params {
			if !args {
				break
			}
			if p > 0 && (r.Len() == 0 || r.Byte("opcode") != 0x20) || r.U32("local") != uint32(p) {
				return s, false
			}
		}
		if args {
			if r.Len() == 0 || s.at >= 0 {
				return s, false
			}
			s.at, opcode = len(s.calls), r.Byte("opcode")
		}
		if opcode == opEnd {
			return s, r.Len() == 0 && (s.at >= 0 || len(t.Params)+len(t.Results) == 0)
		}
		f := r.U32("function")
		ft, known := m.FuncType(f)
		if opcode != 0x10 || !known {
			return s, false
		}
		if len(t.Params) == 0 && len(t.Results) > 0 && ft.Equal(t) && s.at < 0 {
			s.at = len(s.calls)
		}
		has := s.at == len(s.calls)
		if has && !ft.Equal(t) || !has && len(ft.Params)+len(ft.Results) > 0 {
			return s, false
		}
		s.calls = append(s.calls, f)
	}
	return s, false
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
// decoded form, calls another one by its index. Imported functions call none.
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
