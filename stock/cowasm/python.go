// Package cowasm runs CPython 3.11 of the npm package python-wasm, unchanged: a kernel, which is a
// C library, Python as a shared library, and Python's extension modules, which it opens itself. It
// is what the JavaScript of that package is to it.
//
//	p, err := cowasm.Open(ctx, rt, cowasm.Options{Stdout: os.Stdout})
//	err = p.Exec(ctx, "import decimal; print(decimal.Decimal(1) / 3)")
//	text, err := p.Repr(ctx, "1 + 2")
//
// It is for this project, and promises nothing to other modules.
package cowasm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
)

// ErrFailed means that Python itself did not do what it was asked for, and does not say why.
var ErrFailed = errors.New("cowasm: Python failed")

// The files of the packages.
const (
	kernelFile = "@cowasm/kernel/dist/kernel/kernel.wasm"
	pythonFile = "python-wasm/dist/python.wasm"
	stdlibFile = "python-wasm/dist/python-stdlib.zip"
	home       = "/usr/lib/python3.11"
)

// Options say what an interpreter is to be.
type Options struct {
	Stdout, Stderr io.Writer
	Files          map[string][]byte // what scripts find, by absolute path; may be nil
	// Packages are what scripts can import besides Python's own library; [NumPy], [Pandas].
	Packages []string
}

// Packages of Python, with extension modules in C, by the names of their npm packages. Pandas needs
// NumPy.
const (
	NumPy  = "@cowasm/py-numpy"
	Pandas = "@cowasm/py-pandas"
)

// Python is an interpreter. One goroutine at a time uses it.
type Python struct {
	l    *linker.Linker
	host *host
}

// Open starts an interpreter. Its process image ends with Close, or with the runtime.
func Open(ctx context.Context, rt wazero.Runtime, o Options) (*Python, error) {
	kernel, err := stock.Read(kernelFile)
	if err != nil {
		return nil, err
	}
	python, err := stock.Read(pythonFile)
	if err != nil {
		return nil, err
	}
	fsys, users, err := files(o)
	if err != nil {
		return nil, err
	}
	names, err := newShim(kernel, append([][]byte{python}, users...)...)
	if err != nil {
		return nil, err
	}
	h := &host{pointers: map[uint32]int{}}
	module := wazero.NewModuleConfig().WithFSConfig(wazero.NewFSConfig().WithFSMount(fsys, "/")).
		WithEnv("PYTHONHOME", "/usr").WithEnv("PYTHONEXECUTABLE", "/usr/bin/python").
		WithEnv("PYTHONDONTWRITEBYTECODE", "1").WithArgs("python").
		WithStdin(strings.NewReader("")).WithSysWalltime().WithSysNanotime().WithSysNanosleep()
	if o.Stdout != nil {
		module = module.WithStdout(o.Stdout)
	}
	if o.Stderr != nil {
		module = module.WithStderr(o.Stderr)
	}
	config := linker.NewConfig().WithMainName("kernel.wasm").WithModuleConfig(module).
		WithFS(fsys).WithMemoryPages(512, 65536).WithHostFunctions(h.find).
		WithMaxCompileCost(10 * time.Minute)
	l, err := linker.New(ctx, rt, kernel, config)
	if err != nil {
		return nil, err
	}
	p := &Python{l, h}
	if err := p.start(ctx, names, python); err != nil {
		return nil, errors.Join(err, l.Close(context.WithoutCancel(ctx)))
	}
	return p, nil
}

// start runs the kernel's and Python's beginnings.
func (p *Python) start(ctx context.Context, names *shim, python []byte) error {
	g := p.l.Main()
	if _, err := g.Call(ctx, linker.Default, "_start"); err != nil {
		return err
	}
	if err := names.load(ctx, g); err != nil {
		return err
	}
	if _, err := g.OpenBytes(ctx, "python.wasm", python); err != nil {
		return err
	}
	r, err := g.Call(ctx, linker.Default, "cowasm_python_init")
	if err == nil && int32(uint32(r[0])) != 0 {
		err = fmt.Errorf("%w: cowasm_python_init returned %d", ErrFailed, int32(uint32(r[0])))
	}
	if err != nil {
		return err
	}
	_, err = p.call(ctx, "cowasm_python_exec", prelude)
	return err
}

// Linker returns the process image.
func (p *Python) Linker() *linker.Linker { return p.l }

// Exception is an exception that a script did not catch.
type Exception struct{ Traceback string } // as Python prints it

// Error implements the error interface: it is the last line of the traceback.
func (e *Exception) Error() string {
	lines := strings.Split(strings.TrimSpace(e.Traceback), "\n")
	return "cowasm: Python: " + lines[len(lines)-1]
}

// prelude defines what scripts are run with. The interface of the package loses exceptions, and
// leaves what was printed in buffers.
const prelude = `
import sys
sys.setdlopenflags(1) # lazily: extension modules import functions that there are not

def _lockstep_run(code, evaluate):
    import traceback
    class Raw(str):
        __repr__ = str.__str__
    try:
        compiled = compile(code, "<script>", "eval" if evaluate else "exec")
        value = eval(compiled, globals())
        return Raw("+" + repr(value))
    except BaseException:
        return Raw("-" + traceback.format_exc())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
`

// Exec runs a script. The error of one that Python does not like is an [*Exception].
func (p *Python) Exec(ctx context.Context, script string) error {
	_, err := p.run(ctx, script, "False")
	return err
}

// Repr returns what repr makes of an expression's value. Errors are as with Exec.
func (p *Python) Repr(ctx context.Context, expression string) (string, error) {
	return p.run(ctx, expression, "True")
}

func (p *Python) run(ctx context.Context, code, evaluate string) (string, error) {
	answer, err := p.call(ctx, "cowasm_python_repr",
		fmt.Sprintf("_lockstep_run(bytes.fromhex('%x').decode(), %s)", code, evaluate))
	if err != nil {
		return "", err
	}
	if text, failed := strings.CutPrefix(answer, "-"); failed {
		return "", &Exception{Traceback: text}
	}
	return strings.TrimPrefix(answer, "+"), nil
}

// call calls a function with a string, and returns the string that it sends.
func (p *Python) call(ctx context.Context, function, text string) (string, error) {
	g := p.l.Main()
	r, err := g.Call(ctx, linker.Default, "malloc", uint64(len(text)+1))
	if err != nil {
		return "", err
	}
	if !p.l.Memory().Write(uint32(r[0]), append([]byte(text), 0)) {
		return "", linker.ErrNoMemory
	}
	p.host.sent, p.host.failed = "", false
	_, err = g.Call(ctx, linker.Default, function, r[0])
	if _, failed := g.Call(ctx, linker.Default, "free", r[0]); err == nil {
		err = failed
	}
	if err == nil && p.host.failed {
		err = fmt.Errorf("%w: %s", ErrFailed, function)
	}
	if err != nil {
		return "", err
	}
	return p.host.sent, nil
}

// Close ends the interpreter.
func (p *Python) Close(ctx context.Context) error { return p.l.Close(ctx) }
