package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/lockstep-wasm/lockstep/linker"
)

// dlsymSource is the program whose look-ups are compared with the linker's.
//
//go:embed peers/dlsym.c
var dlsymSource []byte

// scopes are the numbers of libraries in which symbols are looked up.
func scopes() []int { return []int{1, 10, 500} }

// glibcRows are look-ups, against those of the C library of this machine.
func glibcRows() []row {
	return []row{
		{"symbol in the default scope of 1, 10, 500 libraries", 1, againstC("d",
			func(c *chain) (*linker.Library, string) { return linker.Default, c.last })},
		{"symbol by handle, of a library that needs 1, 10, 500", 2, againstC("h",
			func(c *chain) (*linker.Library, string) { return c.root, "f0" })},
	}
}

// againstC compares look-ups of the linker with those of dlsym.
func againstC(where string, what func(c *chain) (*linker.Library, string)) func(m *meter) error {
	return func(m *meter) (err error) {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		w, err := newWorkshop(m.ctx, dir)
		if err != nil {
			return err
		}
		for _, n := range scopes() {
			if err := w.against(m, n, where, what); err != nil {
				return err
			}
		}
		return nil
	}
}

// workshop builds shared objects.
type workshop struct {
	dir, compiler string
	built         []string // the libraries that there are
}

// newWorkshop builds the program. The error is missing where there is no compiler.
func newWorkshop(ctx context.Context, dir string) (*workshop, error) {
	w := &workshop{dir: dir}
	for _, name := range []string{"cc", "gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			w.compiler = path
			break
		}
	}
	if w.compiler == "" {
		return nil, missing("no C compiler")
	}
	if err := os.WriteFile(filepath.Join(dir, "dlsym.c"), dlsymSource, 0o600); err != nil {
		return nil, err
	}
	if err := execute(ctx, dir, w.compiler, "-O2", "-o", "dlsym", "dlsym.c", "-ldl"); err != nil {
		return nil, lacks(ctx, err)
	}
	return w, nil
}

// lacks makes a missing peer of an error of the peer, unless the run has been ended.
func lacks(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	return missing(err.Error())
}

// root builds a library that needs n others, with one symbol each.
func (w *workshop) root(ctx context.Context, n int) (string, error) {
	for k := len(w.built); k < n; k++ {
		if err := w.build(ctx, fmt.Sprintf("lib%d", k), fmt.Sprintf("f%d", k)); err != nil {
			return "", err
		}
		w.built = append(w.built, fmt.Sprintf("./lib%d.so", k))
	}
	name := fmt.Sprintf("root%d", n)
	return "./" + name + ".so", w.build(ctx, name, "root",
		append([]string{"-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN"}, w.built[:n]...)...)
}

// build builds a shared object with one symbol.
func (w *workshop) build(ctx context.Context, name, symbol string, args ...string) error {
	source := fmt.Sprintf("\t.data\n\t.globl %s\n%s:\n\t.byte 0\n"+
		"\t.section .note.GNU-stack,\"\"\n", symbol, symbol)
	file := name + ".s"
	if err := os.WriteFile(filepath.Join(w.dir, file), []byte(source), 0o600); err != nil {
		return err
	}
	args = append([]string{"-shared", "-nostdlib", "-o", name + ".so", file}, args...)
	if err := execute(ctx, w.dir, w.compiler, args...); err != nil {
		return lacks(ctx, err)
	}
	return nil
}

// against compares look-ups in n libraries.
func (w *workshop) against(m *meter, n int, where string,
	what func(c *chain) (*linker.Library, string)) (err error) {
	root, err := w.root(m.ctx, n)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(m.ctx, "./dlsym", root, fmt.Sprintf("f%d", n-1), "f0")
	cmd.Dir, cmd.Stderr = w.dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close(), cmd.Wait()) }()
	c, err := newChain(m, n)
	if err != nil {
		return err
	}
	defer c.close()
	lib, symbol := what(c)
	peer := remote(fmt.Sprintf("dlsym, %d", n), where, in, bufio.NewReader(out))
	return m.compare(peer, lookups(c, fmt.Sprintf("linker, %d", n), lib, symbol))
}

// remote is a side in another process, which does something as often as it is told, and says how
// many nanoseconds of its own thread each time took.
func remote(name, what string, in io.Writer, out io.Reader) side {
	return side{name: name, took: func(n int) (ns float64, err error) {
		if _, err := fmt.Fprintln(in, what, n); err != nil {
			return 0, err
		}
		_, err = fmt.Fscan(out, &ns)
		return ns, err
	}}
}
