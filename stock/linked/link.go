package linked

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/stock/cowasm"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

// Main is a main module that side modules are linked to.
type Main struct {
	Name  string // for people
	start func(ctx context.Context, rt wazero.Runtime) (*linker.Linker, error)
}

// MainOf returns the main module that a side module is made for.
func MainOf(m Module) (Main, error) {
	version := regexp.MustCompile(`^php(8\.\d)-`).FindStringSubmatch(path.Base(m.File))
	switch {
	case strings.Contains(m.Package, "tree-sitter"):
		return Main{"web-tree-sitter", treeSitter}, nil
	case m.Package == "@electric-sql/pglite":
		return Main{"PostgreSQL (pglite)", postgres}, nil
	case version != nil:
		return php(version[1]), nil
	case strings.HasPrefix(m.Package, "php-wasm-"):
		return php("8.0"), nil
	case m.Package == "h5wasm-plugins":
		return Main{"HDF5 (h5wasm)", hdf5}, nil
	case m.Package == "python-wasm", m.Package == cowasm.NumPy, m.Package == cowasm.Pandas:
		return Main{"CPython 3.11 (python-wasm)", python}, nil
	}
	return Main{}, fmt.Errorf("linked: %s: %w", m.Package, errors.ErrUnsupported)
}

// Link starts a main module and links each module to it, by itself: its constructors run, and it is
// unloaded again. Functions that no module has are no error, for calling them is one. done is
// called for each.
func (x Main) Link(ctx context.Context, modules []Module,
	done func(m Module, err error)) (err error) {
	// The interpreter, since nearly all the time would go into compiling.
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(linker.Features))
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	l, err := x.start(ctx, rt)
	if err != nil {
		return fmt.Errorf("linked: %s: %w", x.Name, err)
	}
	g := l.Main()
	for _, m := range modules {
		library, err := g.OpenBytes(ctx, path.Base(m.File), m.Bytes, linker.Local)
		if err == nil {
			err = g.CloseLibrary(ctx, library)
		}
		done(m, err)
	}
	return l.Close(ctx)
}

// config is what all main modules are linked with: their libraries are large.
func config(name string) *linker.Config {
	return linker.NewConfig().WithMainName(name).WithMemoryPages(0, 32768).
		WithMaxCompileCost(10 * time.Minute)
}

func treeSitter(ctx context.Context, rt wazero.Runtime) (*linker.Linker, error) {
	wasm, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		return nil, err
	}
	l, err := treesitter.New(ctx, rt, wasm, config(""))
	if err != nil {
		return nil, err
	}
	return l.Linker(), nil
}

// program starts a main module of Emscripten with some C libraries.
func program(ctx context.Context, rt wazero.Runtime, wasm []byte, lc *linker.Config,
	libraries ...string) (*linker.Linker, error) {
	// What a program's JavaScript would register of its classes and functions.
	embind := func(name string, _, _ []api.ValueType) api.GoModuleFunction {
		if !strings.HasPrefix(name, "_embind_register_") {
			return nil
		}
		return api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
	}
	fsys := vfs.New()
	var names []string
	for _, file := range libraries {
		b, err := stock.Read(file)
		if err != nil {
			return nil, err
		}
		names = append(names, path.Base(file))
		if err := fsys.WriteFile("/usr/lib/"+path.Base(file), b, 0o755); err != nil {
			return nil, err
		}
	}
	p, err := emscripten.Start(ctx, rt, wasm, lc.WithSearchPath("usr/lib").WithPreload(names...),
		emscripten.NewConfig().WithFS(fsys).WithFallback(embind))
	if err != nil {
		return nil, err
	}
	return p.Linker(), nil
}

func postgres(ctx context.Context, rt wazero.Runtime) (*linker.Linker, error) {
	wasm, err := stock.Read(stock.PGlite)
	if err != nil {
		return nil, err
	}
	return program(ctx, rt, wasm, config("postgres"))
}

// php is an interpreter of PHP, whose JavaScript says which file it is.
func php(version string) Main {
	start := func(ctx context.Context, rt wazero.Runtime) (*linker.Linker, error) {
		script, err := stock.Read("php-wasm/php" + version + "-node.mjs")
		if err != nil {
			return nil, err
		}
		file := regexp.MustCompile(`[0-9a-f]{40}\.wasm`).Find(script)
		wasm, err := stock.Read("php-wasm/" + string(file))
		if err != nil {
			return nil, err
		}
		lc := config("php").
			WithGlobal("__asyncify_state", api.ValueTypeI32, true, 0).
			WithGlobal("__asyncify_data", api.ValueTypeI32, true, 0).
			WithData("phpdbg_globals", make([]byte, 4096), 16)
		return program(ctx, rt, wasm, lc, "php-wasm-libxml/libxml2.so",
			"php-wasm-sqlite/libsqlite3.so", "php-wasm-mbstring/libonig.so")
	}
	return Main{"PHP " + version + " (php-wasm)", start}
}

// hdf5 is a main module that lies in its JavaScript, as a string of bytes.
func hdf5(ctx context.Context, rt wazero.Runtime) (*linker.Linker, error) {
	script, err := stock.Read("h5wasm/dist/node/hdf5_util.js")
	if err != nil {
		return nil, err
	}
	wasm, err := embedded(script)
	if err != nil {
		return nil, err
	}
	return program(ctx, rt, wasm, config("hdf5"))
}

// ErrNoModule means that a script has no module in it, or half of one.
var ErrNoModule = errors.New("linked: no module in the script")

// embedded decodes the module in a script of Emscripten: a character for each byte, of which 0 may
// be written as 256.
func embedded(script []byte) ([]byte, error) {
	_, text, found := bytes.Cut(script, []byte("return binaryDecode('"))
	if !found {
		return nil, ErrNoModule
	}
	escapes := map[rune]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f', 'v': '\v',
		'0': 0}
	var wasm []byte
	escaped := false
	for _, c := range string(text) {
		switch {
		case escaped:
			b, ok := escapes[c]
			if !ok {
				b = byte(c)
			}
			wasm, escaped = append(wasm, b), false
		case c == '\\':
			escaped = true
		case c == '\'':
			return wasm, nil
		default:
			wasm = append(wasm, byte(c))
		}
	}
	return nil, ErrNoModule
}

// python is CPython with all that it needs. Its extension modules are linked, not initialised.
func python(ctx context.Context, rt wazero.Runtime) (*linker.Linker, error) {
	p, err := cowasm.Open(ctx, rt,
		cowasm.Options{Packages: []string{cowasm.NumPy, cowasm.Pandas}})
	if err != nil {
		return nil, err
	}
	return p.Linker(), nil
}
