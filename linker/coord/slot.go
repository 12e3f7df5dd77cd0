package coord

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// hasSlot reports whether the slot is the group's. It is, from when the group is spawned until
// another group is spawned in the slot of this one, which has ended. Goroutines of the first group
// may still be on their way out then, and the state has nothing of that group any more: they change
// nothing there, and read nothing. All that a Member reads of the state's entry of its slot, and
// all actions that it performs, go through the functions below. The mutex is held.
func (m *Member) hasSlot() bool { return m.c.generation[m.id] == m.generation }

// perform performs an action of the group, if its guard holds. The mutex is held.
func (m *Member) perform(a protocol.Action) bool {
	return m.hasSlot() && m.c.perform(protocol.Step{Action: a, Group: m.id})
}

// must performs an action of the group whose guard holds because of what came before. The mutex is
// held.
func (m *Member) must(a protocol.Action) {
	if !m.hasSlot() {
		panic(fmt.Sprintf("coord: %v of a group whose slot another group has", a))
	}
	m.c.must(protocol.Step{Action: a, Group: m.id})
}

// mode is the group's mode. The mutex is held.
func (m *Member) mode() protocol.Mode {
	if !m.hasSlot() {
		return protocol.Gone
	}
	return m.c.state.Mode[m.id]
}

// stage is how far the group's request has come. The mutex is held.
func (m *Member) stage() protocol.Stage {
	if !m.hasSlot() {
		return protocol.Idle
	}
	return m.c.state.Stage[m.id]
}

// part is what the group has to do with the present operation. The mutex is held.
func (m *Member) part() protocol.Part {
	if !m.hasSlot() {
		return protocol.NoPart
	}
	return m.c.state.Part[m.id]
}

// atRendezvous reports whether the group holds still for an operation. The mutex is held.
func (m *Member) atRendezvous() bool { return m.hasSlot() && m.c.state.AtRendezvous(m.id) }
