package wasm

import (
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// Subsections of the name section.
const (
	moduleName    = 0
	functionNames = 1
)

// maxName is how many bytes of a name are kept.
const maxName = 1024

// functionName is an entry of the name section.
type functionName struct {
	index uint32
	name  string
}

// readNames reads the names of the module and its functions from its first name section. A bad
// custom section does not make a module invalid, so bad entries are left out: those of functions
// that do not exist or are out of order, and all that follow an entry without an end. Bytes that
// are not UTF-8 become U+FFFD.
func readNames(m *Module) (module string, functions []functionName) {
	section, _ := m.Custom("name")
	n := uint32(m.Count(KindFunc))
	for r := leb.NewReader(section.Payload); r.Len() > 0; {
		id := r.Byte("id")
		size := r.U32("size")
		s := r.Sub(min(size, uint32(r.Len())), "names")
		switch id {
		case moduleName:
			module = lossyName(s)
		case functionNames:
			for count := s.U32("count"); count > 0 && !s.Failed(); count-- {
				f := functionName{s.U32("function"), lossyName(s)}
				last := len(functions) - 1
				if !s.Failed() && f.index < n && (last < 0 || f.index > functions[last].index) {
					functions = append(functions, f)
				}
			}
		}
		if r.Failed() {
			break
		}
	}
	return module, functions
}

// lossyName reads a name that need not be UTF-8.
func lossyName(r *leb.Reader) string {
	b := r.Bytes(r.U32("size"), "name")
	b = b[:min(len(b), maxName)]
	return strings.ToValidUTF8(string(b), "\ufffd")
}

// appendNames appends a name section with what is known.
func appendNames(b []byte, m *Module) []byte {
	module, functions := readNames(m)
	if module == "" && len(functions) == 0 {
		return b
	}
	payload := leb.AppendName(nil, "name")
	if module != "" {
		payload = leb.AppendBytes(append(payload, moduleName), leb.AppendName(nil, module))
	}
	if len(functions) > 0 {
		list := appendVector(nil, functions, func(b []byte, f functionName) []byte {
			return leb.AppendName(leb.AppendU32(b, f.index), f.name)
		})
		payload = leb.AppendBytes(append(payload, functionNames), list)
	}
	return appendSection(b, SectionCustom, payload)
}

// isDebug reports whether a custom section is one that the engine reads to tell where in the
// source a function is.
func isDebug(name string) bool { return strings.HasPrefix(name, ".debug_") }
