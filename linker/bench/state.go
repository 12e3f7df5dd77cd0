package main

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// stateRows are the coordinator alone.
func stateRows() []row {
	return []row{{"entering and leaving a group", 0.5, gates}}
}

// nothing is a group without instances.
type nothing struct{}

func (nothing) Apply(context.Context, coord.Operation) error { return nil }
func (nothing) Undo(context.Context, coord.Operation) error  { return nil }

// gates compares entering a group and leaving it with the mutex and through the group's gate.
func gates(m *meter) error {
	var sides []side
	for _, c := range []struct {
		name string
		cfg  coord.Config
	}{
		{"with the mutex, observed", coord.Config{Observer: func(coord.Event) {}}},
		{"through the gate", coord.Config{}},
	} {
		_, group, err := coord.New(c.cfg, nothing{})
		if err != nil {
			return err
		}
		sides = append(sides, side{name: c.name, do: func(n int) error {
			for range n {
				if err := group.Enter(m.ctx); err != nil {
					return err
				}
				group.Park()
			}
			return nil
		}})
	}
	return m.compare(sides[0], sides[1])
}
