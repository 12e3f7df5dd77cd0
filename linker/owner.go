package linker

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
)

// owner returns the owner of something in a module that was compiled.
func (m *module) owner(what string) spans.Owner {
	return spans.Owner{What: what, File: m.file, Found: m.stat != nil,
		Code: codecache.Sum(m.compiled)}
}

// segmentOwner returns that of a module's own entries. They may hold functions of other modules,
// and what these are is decided anew at each load.
func (m *module) segmentOwner(bindings []binding) spans.Owner {
	imported := m.importedFunctions(bindings)
	sums := make([][sha256.Size]byte, len(imported))
	for i, x := range imported {
		if x != nil && x.fn != nil {
			o := x.fn.owner()
			sums[i] = sha256.Sum256(fmt.Appendf(nil, "%q %q %v %x", o.What, o.File, o.Found,
				o.Code))
		}
	}
	what := sha256.New()
	var entry [16 + sha256.Size]byte
	for i := range m.src.Elements {
		seg := &m.src.Elements[i]
		for k := range seg.Len() {
			index, ok := seg.Func(k)
			if !ok || int(index) >= len(imported) {
				continue
			}
			binary.LittleEndian.PutUint64(entry[:], uint64(i))
			binary.LittleEndian.PutUint64(entry[8:], uint64(k))
			copy(entry[16:], sums[index][:])
			what.Write(entry[:])
		}
	}
	return m.owner("segment " + string(what.Sum(nil)))
}

// owner returns that of the entry that is made for a function.
func (fn *function) owner() spans.Owner { return fn.mod.owner(fn.what()) }

// what tells a function from the others of its module.
func (fn *function) what() string {
	if fn.stub {
		return "stub " + fn.name
	}
	return "function " + fn.name
}

// remembered returns the functions of a module, and its stubs, whose entries of the function table
// are in quarantine since it was unloaded.
func (m *module) remembered(s *table.Quarantine) []*function {
	if s.RemembersNone() {
		return nil
	}
	var found []*function
	for _, fn := range m.functions {
		if fn.mod == m && s.Remembers(fn.owner()) {
			found = append(found, fn)
		}
	}
	return found
}

// tableFull says it in the linker's words when a table cannot have more entries.
func tableFull(err error) error {
	if full := (*table.FullError)(nil); errors.As(err, &full) {
		return &LimitError{Limit: limitTable, Value: full.Need, Max: full.Max}
	}
	return err
}
