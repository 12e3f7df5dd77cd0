package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// kind is a kind of input that can be of any size.
type kind struct {
	name string
	unit string // what its size counts
	size int    // the smaller of the two sizes that are measured
	// prepare makes an image ready for what is measured, and returns that.
	prepare func(ctx context.Context, x *image, n int) (measured func() error, err error)
}

const i32 = wasm.I32

// kinds are all that there are.
func kinds() []kind {
	return []kind{
		{"undefined functions", "imports", 2000, opening(func(b *wasm.Builder, n int) {
			t := b.Type(nil, nil)
			for i := range n {
				b.ImportFunc("env", fmt.Sprint("f", i), t)
			}
		})},
		{"functions of another library", "imports", 2000, openingUser},
		{"pointers of undefined functions", "imports", 1000,
			opening(func(b *wasm.Builder, n int) {
				t := b.Type(nil, nil)
				for i := range n {
					b.ImportFunc("env", fmt.Sprint("f", i), t)
				}
				for i := range n {
					b.ImportGlobal("GOT.func", fmt.Sprint("f", i),
						wasm.GlobalType{Type: i32, Mutable: true})
				}
			})},
		{"pointers of the library's own functions", "imports", 1000, opening(ownPointers)},
		{"exported functions", "exports", 4000, opening(func(b *wasm.Builder, n int) {
			t := b.Type(nil, nil)
			for i := range n {
				b.ExportFunc(fmt.Sprint("f", i), b.Func(t, nil, nil))
			}
		})},
		{"exported addresses", "exports", 4000, opening(func(b *wasm.Builder, n int) {
			for i := range n {
				b.ExportGlobal(fmt.Sprint("d", i), b.Global(i32, false, wasm.ConstI32(int32(i))))
			}
		})},
		{"imported tags", "imports", 1000, opening(func(b *wasm.Builder, n int) {
			t := b.Type(nil, nil)
			for i := range n {
				b.ImportTag("env", fmt.Sprint("t", i), t)
			}
		})},
		{"elements that are imported functions", "entries", 20000, elements},
		{"data segments", "segments", 4000, openingWith(func(n int) dylink.Info {
			return dylink.Info{MemorySize: uint32(n)}
		}, func(b *wasm.Builder, n int) {
			b.ImportMemory("env", "memory",
				wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true},
					Shared: true})
			base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: i32})
			for range n {
				b.ActiveData(wasm.ConstGlobal(base), []byte{1})
			}
		})},
		{"namespaces", "imports", 2000, refused(opening(func(b *wasm.Builder, n int) {
			t := b.Type(nil, nil)
			for i := range n {
				b.ImportFunc(fmt.Sprint("n", i), "f", t)
			}
		}))},
		{"folders of a run-time path", "folders", 500, refused(openingWith(func(n int) dylink.Info {
			return dylink.Info{Needed: []string{"none.wasm"},
				RuntimePath: []string{strings.Repeat("a:", n-1) + "a"}}
		}, func(*wasm.Builder, int) {}))},
		{"functions", "functions", 2000, opening(func(b *wasm.Builder, n int) {
			t := b.Type(nil, nil)
			for range n {
				b.Func(t, nil, nil)
			}
		})},
		{"instructions", "instructions", 20000, opening(func(b *wasm.Builder, n int) {
			var c wasm.Code
			for range n {
				c.I32Const(1).Drop()
			}
			b.Func(b.Type(nil, nil), nil, &c)
		})},
		{"blocks within blocks", "blocks", 1000, opening(func(b *wasm.Builder, n int) {
			var c wasm.Code
			for range n {
				c.Block()
			}
			for range n {
				c.End()
			}
			b.Func(b.Type(nil, nil), nil, &c)
		})},
		{"calls that handlers see variables after", "calls", 1000,
			opening(func(b *wasm.Builder, n int) { handled(b, n, 1, 1) })},
		{"handlers within handlers", "handlers", 500,
			opening(func(b *wasm.Builder, n int) { handled(b, 1, n, 1) })},
		{"variables that handlers see", "variables", 2000,
			opening(func(b *wasm.Builder, n int) { handled(b, 1, 1, n) })},
		{"libraries, each needing all before it is needed", "libraries", 25, chain},
		{"a library by ever new names", "names", 200, aliases},
		{"closures that are set and freed", "closures", 1000, closures},
		{"a library that is closed and opened again", "pointers", 1000, reopening},
		{"libraries, each in a file of its own", "files", 40, manyFiles},
		{"a library that comes and goes beside others' closures", "closures", 500, besideClosures},
		{"pairs of table entries where single ones are free", "holes", 1000, holes},
		{"destructors of a library below those of another one", "destructors", 1000, destructors},
	}
}

// opening measures how a library is opened.
func opening(build func(b *wasm.Builder, n int)) func(context.Context, *image, int) (func() error,
	error) {
	return openingWith(func(int) dylink.Info { return dylink.Info{} }, build)
}

func openingWith(info func(n int) dylink.Info,
	build func(b *wasm.Builder, n int)) func(context.Context, *image, int) (func() error, error) {
	return func(ctx context.Context, x *image, n int) (func() error, error) {
		bytes, err := library(info(n), func(b *wasm.Builder) { build(b, n) })
		return func() error {
			_, err := x.group.OpenBytes(ctx, "measured", bytes)
			return err
		}, err
	}
}

var errNotRefused = errors.New("it was not refused")

// refused is for what has to be an error.
func refused(prepare func(context.Context, *image, int) (func() error,
	error)) func(context.Context, *image, int) (func() error, error) {
	return func(ctx context.Context, x *image, n int) (func() error, error) {
		f, err := prepare(ctx, x, n)
		return func() error {
			if f() == nil {
				return errNotRefused
			}
			return nil
		}, err
	}
}

func ownPointers(b *wasm.Builder, n int) {
	t := b.Type(nil, nil)
	for i := range n {
		b.ImportGlobal("GOT.func", fmt.Sprint("f", i), wasm.GlobalType{Type: i32, Mutable: true})
	}
	for i := range n {
		b.ExportFunc(fmt.Sprint("f", i), b.Func(t, nil, nil))
	}
}

func elements(ctx context.Context, x *image, n int) (func() error, error) {
	return openingWith(func(n int) dylink.Info { return dylink.Info{TableSize: uint32(n)} },
		func(b *wasm.Builder, n int) {
			imports := n / 20
			t := b.Type(nil, nil)
			for i := range imports {
				b.ImportFunc("env", fmt.Sprint("f", i), t)
			}
			table := b.ImportTable("env", "__indirect_function_table",
				wasm.TableType{Elem: wasm.FuncRef})
			base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: i32})
			list := make([]uint32, n)
			for i := range list {
				list[i] = uint32(imports - 1) // the last one to be found
			}
			b.ActiveFuncs(table, wasm.ConstGlobal(base), list...)
		})(ctx, x, n)
}

// chain measures libraries of which each needs the next one, and imports a function of the last.
func chain(ctx context.Context, x *image, n int) (func() error, error) {
	for i := range n {
		var info dylink.Info
		if i+1 < n {
			info.Needed = []string{fmt.Sprintf("lib%d.wasm", i+1)}
		}
		bytes, err := library(info, func(b *wasm.Builder) {
			t := b.Type(nil, nil)
			b.ImportFunc("env", fmt.Sprint("f", n-1), t)
			b.ExportFunc(fmt.Sprint("f", i), b.Func(t, nil, nil))
		})
		if err != nil {
			return nil, err
		}
		x.files[fmt.Sprintf("lib%d.wasm", i)] = &fstest.MapFile{Data: bytes}
	}
	return func() error {
		_, err := x.group.Open(ctx, "lib0.wasm")
		return err
	}, nil
}

// aliases measures n openings of one library, each by another name.
func aliases(ctx context.Context, x *image, n int) (func() error, error) {
	bytes, err := library(dylink.Info{}, func(*wasm.Builder) {})
	x.files["lib.wasm"] = &fstest.MapFile{Data: bytes}
	return func() error {
		for i := range n {
			if _, err := x.group.Open(ctx, strings.Repeat("/", i+1)+"lib.wasm"); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// closures measures n closures that are there at once.
func closures(ctx context.Context, x *image, n int) (func() error, error) {
	return func() error {
		var slots []uint32
		for range n {
			slot, err := x.group.AllocateClosure(ctx)
			if err != nil {
				return err
			}
			slots = append(slots, slot)
		}
		for _, slot := range slots {
			if err := x.group.SetClosure(ctx, slot, linker.Default, "main"); err != nil {
				return err
			}
		}
		for _, slot := range slots {
			if err := x.group.FreeClosure(ctx, slot); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// reopening measures how a library with n pointers is closed, and gets its pointers again.
func reopening(ctx context.Context, x *image, n int) (func() error, error) {
	bytes, err := library(dylink.Info{}, func(b *wasm.Builder) { ownPointers(b, n) })
	if err != nil {
		return nil, err
	}
	lib, err := x.group.OpenBytes(ctx, "measured", bytes)
	return func() error {
		if err := x.group.CloseLibrary(ctx, lib); err != nil {
			return err
		}
		_, err := x.group.OpenBytes(ctx, "measured", bytes)
		return err
	}, err
}

func library(info dylink.Info, build func(b *wasm.Builder)) ([]byte, error) {
	var b wasm.Builder
	b.CustomFirst(info.Section())
	build(&b)
	return b.Bytes()
}
