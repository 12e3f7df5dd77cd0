package model

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/tla"
)

// NewExplorer is the explorer that does what TLC does with a model of the specification: the same
// constants and the same properties. fsys is the folder tla. The error is that of reading the
// model's configuration, or a *tla.ConstantError when the constants do not fit linker/protocol.
func NewExplorer(fsys fs.FS, m tla.Model) (*Explorer, error) {
	text, err := fs.ReadFile(fsys, m.Config)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", m.Name, err)
	}
	cfg, err := tla.ParseConfig(m.Config, string(text))
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", m.Name, err)
	}
	config, ops, err := cfg.Protocol()
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", m.Name, err)
	}
	x := &Explorer{Config: config, Ops: ops, Deadlock: cfg.CheckDeadlock}
	for _, inv := range protocol.Invariants() {
		if slices.Contains(cfg.Invariants, inv.Name) {
			x.Invariants = append(x.Invariants, inv)
		}
	}
	for _, p := range protocol.StepProperties() {
		if slices.Contains(cfg.Properties, p.Name) {
			x.Steps = append(x.Steps, p)
		}
	}
	for _, p := range LeadsToProperties() {
		if slices.Contains(cfg.Properties, p.Name) {
			x.InTime = append(x.InTime, p)
		}
	}
	return x, nil
}
