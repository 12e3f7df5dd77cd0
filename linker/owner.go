package linker

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
)

// segmentOwner returns that of a module's own entries. They may hold functions of other modules,
// and what these are is decided anew at each load.
func segmentOwner(m *image.Module, bindings []shim.Binding) spans.Owner {
	imported := importedFunctions(m, bindings)
	sums := make([][sha256.Size]byte, len(imported))
	for i, x := range imported {
		if x != nil && x.Fn != nil {
			o := x.Fn.Owner()
			sums[i] = sha256.Sum256(fmt.Appendf(nil, "%q %q %v %x", o.What, o.File, o.Found,
				o.Code))
		}
	}
	what := sha256.New()
	var entry [16 + sha256.Size]byte
	for i := range m.Src.Elements {
		seg := &m.Src.Elements[i]
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
	return m.Owner("segment " + string(what.Sum(nil)))
}

// remembered returns the functions of a module, and its stubs, whose entries of the function table
// are in quarantine since it was unloaded.
func remembered(m *image.Module, s *table.Quarantine) []*image.Function {
	if s.RemembersNone() {
		return nil
	}
	var found []*image.Function
	for _, fn := range m.Functions {
		if fn.Mod == m && s.Remembers(fn.Owner()) {
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
