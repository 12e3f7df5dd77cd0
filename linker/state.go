package linker

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
)

// state is what all groups have to agree on. It is guarded by the state lock, and a value: an
// operation that fails puts back the copy that it made at its beginning.
type state struct {
	snapshot *image.Snapshot
	slots    table.Quarantine
	closures table.Closures
	plt      table.Slots // of the PLT
	// prepared are the trampolines that groups have, or may have, instances of.
	prepared persist.Map[image.TrampolineKey, bool]
}

func (s *state) clone() state {
	c := *s
	c.slots = s.slots.Clone()
	c.plt.Free = s.plt.Free.Clone()
	c.closures = s.closures.Clone()
	return c
}
