package linker

import (
	"errors"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
)

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
