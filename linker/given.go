package linker

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// DefinitionError says why a symbol cannot be defined as the configuration has it.
type DefinitionError struct {
	Symbol string
	Reason string
}

// Error implements the error interface.
func (e *DefinitionError) Error() string {
	return fmt.Sprintf("linker: definition of %s: %s", text.Quote(e.Symbol), e.Reason)
}

func (c *Config) define(d definition) *Config {
	return c.with(func(c *Config) { c.defined = append(slices.Clip(c.defined), d) })
}

// WithData defines a data symbol, which modules find by its name behind all that modules and the
// host define: its initial bytes, which are copied, at an address that is a multiple of align, a
// power of two. It is one object for the whole image. [New] fails with a [*DefinitionError] if two
// definitions have one name, or if it cannot be.
func (c *Config) WithData(name string, initial []byte, align uint32) *Config {
	return c.define(definition{name: name, kind: image.KindData, data: bytes.Clone(initial),
		align: align})
}

// WithGlobal defines a WebAssembly global of type i32, i64, f32 or f64, which modules import from
// "env": Emscripten's __asyncify_state, for instance. value is its initial one, encoded as wazero
// encodes arguments. A mutable one is each group's own; an i32 that cannot change is an address to
// C, and the linker takes it for one. Names are as [Config.WithData] says.
func (c *Config) WithGlobal(name string, t api.ValueType, mutable bool, value uint64) *Config {
	return c.define(definition{name: name, kind: image.KindGlobal, value: value,
		typ: wasm.GlobalType{Type: wasm.ValType(t), Mutable: mutable}})
}

// WithTag defines an exception tag, which modules import from "env". Without a definition the
// linker makes one when the first module imports it. Names are as [Config.WithData] says.
func (c *Config) WithTag(name string, params ...api.ValueType) *Config {
	return c.define(definition{name: name, kind: image.KindTag,
		tag: image.WasmType(params, nil).Params})
}

// check returns why a symbol cannot be.
func (d *definition) check() string {
	switch {
	case d.name == "":
		return "it has no name"
	case d.kind == image.KindData && (d.align == 0 || d.align&(d.align-1) != 0):
		return fmt.Sprintf("its alignment is %d, no power of two", d.align)
	case d.kind == image.KindData && len(d.data) == 0:
		return "it has no bytes"
	case d.kind == image.KindGlobal &&
		!slices.Contains([]wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64}, d.typ.Type):
		return "a global " + d.typ.Type.String() + " cannot be given a value"
	}
	return ""
}

// initial is the expression that a global begins with.
func (d *definition) initial() wasm.ConstExpr {
	switch d.typ.Type {
	case wasm.I64:
		return wasm.ConstI64(int64(d.value))
	case wasm.F32:
		return wasm.ConstF32(api.DecodeF32(d.value))
	case wasm.F64:
		return wasm.ConstF64(api.DecodeF64(d.value))
	}
	return wasm.ConstI32(int32(d.value))
}

// given makes the module of what Go code defines; nil if that is nothing. It is instantiated in
// every group, before all others, and is not visible as a library.
func (l *Linker) given(ctx context.Context) (*image.Module, error) {
	if len(l.config.defined) == 0 {
		return nil, nil
	}
	var b wasm.Builder
	info := &dylink.Info{}
	end := uint64(0)
	seen := map[string]bool{}
	for i := range l.config.defined {
		d := &l.config.defined[i]
		reason := d.check()
		if reason == "" && seen[d.name] {
			reason = "there is another one of this name"
		}
		if reason != "" {
			return nil, &DefinitionError{Symbol: d.name, Reason: reason}
		}
		seen[d.name] = true
		switch d.kind {
		case image.KindTag:
			b.ExportTag(d.name, b.Tag(b.Type(d.tag, nil)))
		case image.KindGlobal:
			b.ExportGlobal(d.name, b.Global(d.typ.Type, d.typ.Mutable, d.initial()))
			if d.typ == (wasm.GlobalType{Type: wasm.I32}) {
				info.Exports = append(info.Exports,
					dylink.ExportInfo{Name: d.name, Flags: dylink.Absolute})
			}
		case image.KindData:
			at := spans.AlignUp(end, d.align)
			for 1<<info.MemoryAlignment < d.align {
				info.MemoryAlignment++
			}
			end = at + uint64(len(d.data))
			if end > uint64(l.maxPages)*linmem.PageSize {
				return nil, &LimitError{Limit: "data of the configuration (bytes)", Value: end,
					Max: uint64(l.maxPages) * linmem.PageSize}
			}
			b.ExportGlobal(d.name, b.Global(wasm.I32, false, wasm.ConstI32(int32(at))))
		}
	}
	info.MemorySize = uint32(end)
	bytes, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("linker: definitions: %w", err)
	}
	m := &image.Module{ID: l.nextID(), Name: "definitions", Info: info, Generated: true,
		Code: &space.Code{}}
	if m.Src, err = wasm.DecodeWithin(bytes, wasm.DefaultLimits().AnyCost()); err != nil {
		return nil, fmt.Errorf("linker: definitions: %w", err)
	}
	m.ReadExports()
	space.CodeOf(m).Compiled, err = l.compileGenerated(ctx, "definitions", bytes, nil)
	return m, err
}

// writeGiven writes the data that Go code defines, if m is the module of that.
func (l *Linker) writeGiven(m *image.Module) {
	if m != l.state.snapshot.Given {
		return
	}
	for i := range l.config.defined {
		d := &l.config.defined[i]
		if d.kind == image.KindData {
			b, _ := l.shared.Mem.At(m.Exports[d.name].Addr, uint32(len(d.data)))
			copy(b, d.data)
		}
	}
}
