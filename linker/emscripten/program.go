package emscripten

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// Program is a program that Emscripten built, with the libraries that it has loaded. Its methods
// may be called by any number of goroutines; the program itself has one thread, so they take turns.
type Program struct {
	l      *linker.Linker
	fs     *vfs.FS
	config *Config
	began  time.Time
	files  descriptors
	exc    sync.Map // *exceptions by *linker.Group

	mu      sync.Mutex
	dir     string                     // the current directory
	mask    uint32                     // umask
	args    []string                   // of main
	handles map[uint32]*linker.Library // by the address of the guest's struct dso
	tempRet uint32
	random  sync.Mutex
}

// Start links a main module of Emscripten with this host. What lc says of the memory, of limits and
// of libraries holds, but that libraries are looked for in the program's own file system.
// Constructors run; main does not: see [Program.Main]. The program's exports can be called
// through the linker's groups.
//
// Errors are those of [linker.New].
func Start(ctx context.Context, rt wazero.Runtime, main []byte, lc *linker.Config,
	c *Config) (*Program, error) {
	if lc == nil {
		lc = linker.NewConfig()
	}
	if c == nil {
		c = NewConfig()
	}
	p := &Program{config: c, fs: c.fs, began: time.Now(), dir: c.dir, mask: 0o022,
		handles: map[uint32]*linker.Library{}}
	if p.fs == nil {
		p.fs = vfs.New()
		for _, dir := range []string{"/tmp", "/dev", "/home/web_user"} {
			if err := p.fs.MkdirAll(dir, 0o777); err != nil {
				return nil, fmt.Errorf("emscripten: %w", err)
			}
		}
	}
	if info, err := p.fs.Stat(p.dir, true); err != nil || !info.Mode.IsDir() {
		return nil, fmt.Errorf("emscripten: directory to begin in: %w",
			errors.Join(err, &fs.PathError{Op: "chdir", Path: p.dir, Err: vfs.ENOTDIR}))
	}
	p.files.begin(c)
	l, err := linker.New(ctx, rt, main, lc.WithHostFunctions(p.find).WithFS(p.fs.GoFS()))
	if err != nil {
		return nil, err
	}
	p.l = l
	return p, nil
}

// Linker returns the linker of the program.
func (p *Program) Linker() *linker.Linker { return p.l }

// FS returns the program's file system.
func (p *Program) FS() *vfs.FS { return p.fs }

// Close ends the program, as [linker.Linker.Close] does.
func (p *Program) Close(ctx context.Context) error {
	err := p.l.Close(ctx)
	p.files.closeAll()
	return err
}

// Main runs the program's main function with arguments, of which the first is the program's name,
// and returns its exit status, whether it returns or exits. The program stays: what it exports can
// still be called. The error is what else ended it: a trap, an [*AbortError], an [*Exception].
func (p *Program) Main(ctx context.Context, args ...string) (code int32, err error) {
	p.mu.Lock()
	p.args = args
	p.mu.Unlock()
	g := p.l.Main()
	call := func(name string, a ...uint64) (int32, error) {
		r, err := g.Call(ctx, linker.Default, name, a...)
		return first(r), err
	}
	var symbol linker.Symbol
	for _, name := range []string{"__main_argc_argv", "main", "__main_void"} {
		if symbol, err = g.Symbol(ctx, linker.Default, name); err == nil {
			break
		}
	}
	switch {
	case err != nil:
		code, err = call("_start")
	case len(symbol.Type.Params) == 0:
		code, err = call(symbol.Name)
	default:
		var argc, argv uint32
		if argc, argv, err = p.argv(ctx, args); err == nil {
			code, err = call(symbol.Name, uint64(argc), uint64(argv))
		}
	}
	return Status(code, err)
}

func first(r []uint64) int32 {
	if len(r) == 0 {
		return 0
	}
	return api.DecodeI32(r[0])
}

// Status makes an exit status of what a call returned: an [*ExitError] is one.
func Status(code int32, err error) (int32, error) {
	if exit := (*ExitError)(nil); errors.As(err, &exit) {
		return exit.Code, nil
	}
	return code, err
}

// argv puts arguments on the program's stack, where they stay.
func (p *Program) argv(ctx context.Context, args []string) (argc, argv uint32, err error) {
	pointers := make([]uint32, 0, len(args)+1)
	for _, a := range args {
		at, err := p.NewString(ctx, a)
		if err != nil {
			return 0, 0, err
		}
		pointers = append(pointers, at)
	}
	argv, err = p.alloc(ctx, uint32(4*len(pointers)+4))
	if err != nil {
		return 0, 0, err
	}
	b, ok := p.l.View(argv, uint32(4*len(pointers)+4))
	if !ok {
		return 0, 0, linker.ErrBadBlock
	}
	clear(b)
	for i, at := range pointers {
		p.l.Memory().WriteUint32Le(argv+uint32(4*i), at)
	}
	return uint32(len(args)), argv, nil
}

// alloc takes memory from the program's malloc, or without one from its stack.
func (p *Program) alloc(ctx context.Context, size uint32) (uint32, error) {
	for _, name := range []string{"malloc", "_emscripten_stack_alloc", "stackAlloc"} {
		r, err := p.l.Main().Call(ctx, linker.Default, name, uint64(size))
		if e := (*linker.UndefinedSymbolError)(nil); errors.As(err, &e) && e.Symbol == name {
			continue
		}
		if err == nil && first(r) == 0 {
			err = linker.ErrNoMemory
		}
		return uint32(first(r)), err
	}
	return 0, &linker.UndefinedSymbolError{Symbol: "malloc"}
}

// NewString copies a string into the program's memory, with a zero behind it, and returns its
// address. It is the program's malloc that it comes from, and its free that gives it back.
func (p *Program) NewString(ctx context.Context, s string) (uint32, error) {
	at, err := p.alloc(ctx, uint32(len(s))+1)
	if err != nil {
		return 0, err
	}
	b, ok := p.l.View(at, uint32(len(s))+1)
	if !ok {
		return 0, linker.ErrBadBlock
	}
	copy(b, s)
	b[len(s)] = 0
	return at, nil
}

// String reads a C string of the program, of at most a MiB; false if there is none at the address.
func (p *Program) String(address uint32) (s string, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(vfs.Errno); !fault {
				panic(r)
			}
			s, ok = "", false
		}
	}()
	return memory{p.l}.text(address), true
}

// Call calls a function that the program exports, with arguments as wazero encodes them.
func (p *Program) Call(ctx context.Context, name string, args ...uint64) ([]uint64, error) {
	return p.l.Main().Call(ctx, linker.Default, name, args...)
}

// abs makes a path absolute.
func (p *Program) abs(name string) string {
	if name == "" || strings.HasPrefix(name, "/") {
		return name
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.TrimSuffix(p.dir, "/") + "/" + name
}
