package guestabi

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// memory is a linear memory of a few bytes.
type memory []byte

func (m memory) Bytes() []byte { return m }

func (m memory) At(address, n uint32) ([]byte, bool) {
	if uint64(address)+uint64(n) > uint64(len(m)) {
		return nil, false
	}
	return m[address : address+n : address+n], true
}

var (
	errMissing = errors.New("missing")
	errFatal   = errors.New("fatal")
	errBusy    = errors.New("busy")
	errFull    = errors.New("full")
	errOne     = errors.New("one group")
	errPointer = errors.New("wrong pointer")
)

// is returns a function that tells one error.
func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// process is a group that notes what its guest asks for.
type process struct {
	files    map[string]uint32 // handles by names; others are missing
	symbols  map[string]uint32
	closures map[uint32]image.Trampoline
	err      error // what everything fails with, if not nil
	taken    map[uint32]uint32
	next     uint32 // region
	owned    []uint32
	opened   []string
	modes    []Mode
	snapshot *image.Snapshot
	location *Location
	call     func(pointer uint32, args []uint64) ([]uint64, error)
}

func (p *process) Open(_ context.Context, name string, mode Mode, _ *image.Module) (uint32, error) {
	p.opened, p.modes = append(p.opened, name), append(p.modes, mode)
	if p.err != nil {
		return 0, p.err
	}
	if handle, ok := p.files[name]; ok {
		return handle, nil
	}
	return 0, fmt.Errorf("%s: %w", name, errMissing)
}

func (p *process) Symbol(_ context.Context, _ uint32, name string, _ *image.Module) (uint32,
	error) {
	if pointer, ok := p.symbols[name]; ok && p.err == nil {
		return pointer, nil
	}
	return 0, errors.Join(p.err, fmt.Errorf("%s: %w", name, errMissing))
}

func (p *process) Close(context.Context, uint32) error { return p.err }
func (p *process) IsOpen(handle uint32) bool           { return handle == 7 }

func (p *process) AllocateClosure(context.Context) (uint32, error) { return 5, p.err }

func (p *process) PrepareClosure(_ context.Context, slot uint32, tr image.Trampoline) error {
	if p.err == nil {
		p.closures[slot] = tr
	}
	return p.err
}

func (p *process) FreeClosure(context.Context, uint32) error { return p.err }

func (p *process) Call(_ context.Context, _ wasm.FuncType, pointer uint32,
	args []uint64) ([]uint64, error) {
	return p.call(pointer, args)
}

// caller calls a function pointer of the process.
type caller struct{ p *process }

func (c caller) Call(_ context.Context, args []uint64) ([]uint64, error) {
	last := len(args) - 1
	return c.p.call(uint32(args[last]), args[:last])
}

func (p *process) Caller(context.Context, wasm.FuncType) (Caller, error) {
	return caller{p}, p.err
}

func (p *process) Snapshot(context.Context) *image.Snapshot { return p.snapshot }
func (p *process) Committed() *image.Snapshot               { return p.snapshot }

func (p *process) Locate(uint32) (Location, bool) {
	if p.location == nil {
		return Location{}, false
	}
	return *p.location, true
}

func (p *process) Take(_ context.Context, size, align uint32) (uint32, error) {
	if p.err != nil {
		return 0, p.err
	}
	at := uint32(spans.AlignUp(uint64(p.next), align))
	p.next = at + size
	p.taken[at] = size
	return at, nil
}

func (p *process) Own(region uint32) { p.owned = append(p.owned, region) }

func (p *process) Spawn(_ context.Context, argument uint32) (int32, error) {
	return int32(argument), p.err
}

// host is the functions of an image with one group.
type host struct {
	*ABI
	*process
	guest *Guest
	mem   memory
}

func newHost() *host {
	p := &process{files: map[string]uint32{}, symbols: map[string]uint32{},
		closures: map[uint32]image.Trampoline{}, taken: map[uint32]uint32{}, next: 2048,
		snapshot: &image.Snapshot{}}
	mem := make(memory, 4096)
	return &host{process: p, guest: &Guest{Process: p}, mem: mem, ABI: &ABI{Memory: mem,
		MaxString: 64, MaxFolders: 2,
		DataArea: func(m *image.Module) spans.Span { return m.Memory },
		Give:     func(region uint32) { delete(p.taken, region) }, Errors: testErrors()}}
}

func testErrors() Errors {
	return Errors{
		Limit: func(l Limit, value, most uint64) error {
			return fmt.Errorf("limit %d: %d > %d: %w", l, value, most, errFull)
		},
		Handle:       func(handle uint32) error { return fmt.Errorf("handle %d", handle) },
		Missing:      is(errMissing),
		Fatal:        is(errFatal),
		Busy:         is(errBusy),
		NoMemory:     is(errFull),
		NotSupported: is(errOne),
		WrongPointer: func(err error, pointer uint32) bool {
			return errors.Is(err, errPointer) && pointer == 9
		},
	}
}

// run calls one of the functions.
func (h *host) run(name string, args ...uint32) uint32 {
	for _, f := range h.Functions("env.") {
		if f.Name != name {
			continue
		}
		if len(args) != len(f.Params) {
			panic(fmt.Sprintf("%s has %d parameters", name, len(f.Params)))
		}
		stack := make([]uint64, max(len(args), len(f.Results)))
		for i, x := range args {
			stack[i] = uint64(x)
		}
		f.Run(context.Background(), h.guest, nil, stack)
		return uint32(stack[0])
	}
	panic("there is no function " + name)
}

// put writes a string of C and returns its address.
func (h *host) put(at uint32, s string) uint32 {
	copy(h.mem[at:], s+"\x00")
	return at
}

// text reads a string of C.
func (h *host) text(at uint32) string {
	end := at
	for h.mem[end] != 0 {
		end++
	}
	return string(h.mem[at:end])
}
