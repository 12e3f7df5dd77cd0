package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// What one library costs does not depend on how much there is of others.

// folders are files in memory, and others in a folder of the operating system.
type folders struct {
	memory fstest.MapFS
	disk   fs.FS
}

// Open implements fs.FS.
func (f folders) Open(name string) (fs.File, error) {
	if f.memory[name] != nil {
		return f.memory.Open(name)
	}
	return f.disk.Open(name)
}

// manyFiles measures libraries in files of the operating system, which may have several names.
func manyFiles(ctx context.Context, x *image, n int) (func() error, error) {
	bytes, err := library(dylink.Info{}, func(*wasm.Builder) {})
	if err != nil {
		return nil, err
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(x.folder, fmt.Sprint(i)), bytes, 0o600); err != nil {
			return nil, err
		}
	}
	return func() error {
		for i := range n {
			if _, err := x.group.Open(ctx, fmt.Sprint(i)); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// openingUser measures a library that imports the functions of another one.
func openingUser(ctx context.Context, x *image, n int) (func() error, error) {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("f", i)
	}
	definer, err := library(dylink.Info{}, func(b *wasm.Builder) {
		f := b.Func(b.Type(nil, nil), nil, nil)
		for _, name := range names {
			b.ExportFunc(name, f)
		}
	})
	if err != nil {
		return nil, err
	}
	user, err := library(dylink.Info{}, func(b *wasm.Builder) {
		t := b.Type(nil, nil)
		for _, name := range names {
			b.ImportFunc("env", name, t)
		}
	})
	if err != nil {
		return nil, err
	}
	if _, err := x.group.OpenBytes(ctx, "definer", definer); err != nil {
		return nil, err
	}
	return func() error {
		_, err := x.group.OpenBytes(ctx, "measured", user)
		return err
	}, nil
}

// besideClosures measures a library that comes and goes, the more often the more closures hold a
// function of another one.
func besideClosures(ctx context.Context, x *image, n int) (func() error, error) {
	bytes, err := library(dylink.Info{}, func(*wasm.Builder) {})
	if err != nil {
		return nil, err
	}
	for range n {
		slot, err := x.group.AllocateClosure(ctx)
		if err != nil {
			return nil, err
		}
		if err := x.group.SetClosure(ctx, slot, linker.Default, "main"); err != nil {
			return nil, err
		}
	}
	return func() error {
		for range n / 20 {
			lib, err := x.group.OpenBytes(ctx, "measured", bytes)
			if err != nil {
				return err
			}
			if err := x.group.CloseLibrary(ctx, lib); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// holes measures how libraries get two entries of the function table in a row where n single ones
// are free: those of a library whose functions got theirs in turn with another one's.
func holes(ctx context.Context, x *image, n int) (func() error, error) {
	bytes, err := library(dylink.Info{}, func(b *wasm.Builder) {
		t := b.Type(nil, nil)
		for i := range n {
			b.ExportFunc(fmt.Sprint("f", i), b.Func(t, nil, nil))
		}
	})
	if err != nil {
		return nil, err
	}
	var libs [2]*linker.Library
	for i := range libs {
		if libs[i], err = x.group.OpenBytes(ctx, fmt.Sprint("lib", i), bytes); err != nil {
			return nil, err
		}
	}
	for i := range n {
		for _, lib := range libs {
			if _, err := x.group.Symbol(ctx, lib, fmt.Sprint("f", i)); err != nil {
				return nil, err
			}
		}
	}
	if err := x.group.CloseLibrary(ctx, libs[0]); err != nil {
		return nil, err
	}
	small, err := library(dylink.Info{TableSize: 2}, func(*wasm.Builder) {})
	return func() error {
		for i := range n / 20 {
			if _, err := x.group.OpenBytes(ctx, fmt.Sprint("small", i), small); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// destructors measures how a library with n destructors of thread-local data is closed, on which
// n of another one's lie.
func destructors(ctx context.Context, x *image, n int) (func() error, error) {
	bytes, err := library(dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
		t := b.Type([]wasm.ValType{i32, i32, i32}, []wasm.ValType{i32})
		register := b.ImportFunc("env", "__cxa_thread_atexit", t)
		table := b.ImportTable("env", "__indirect_function_table",
			wasm.TableType{Elem: wasm.FuncRef})
		base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: i32})
		nothing := b.Func(b.Type([]wasm.ValType{i32}, nil), nil, nil)
		b.ActiveFuncs(table, wasm.ConstGlobal(base), nothing)
		body := new(wasm.Code).Loop().GlobalGet(base).I32Const(0).I32Const(0).Call(register).Drop()
		body.LocalGet(0).I32Const(1).I32Sub().LocalTee(0).BrIf(0).End()
		b.ExportFunc("register", b.Func(b.Type([]wasm.ValType{i32}, nil), nil, body))
	})
	if err != nil {
		return nil, err
	}
	var libs [2]*linker.Library
	for i := range libs {
		if libs[i], err = x.group.OpenBytes(ctx, fmt.Sprint("lib", i), bytes); err != nil {
			return nil, err
		}
		if _, err := x.group.Call(ctx, libs[i], "register", uint64(n)); err != nil {
			return nil, err
		}
	}
	return func() error { return x.group.CloseLibrary(ctx, libs[0]) }, nil
}

// handled adds a function of which [wasm.KeepLocals] makes another one: calls, between which
// variables are set, within handlers that lead to where all variables are read.
func handled(b *wasm.Builder, calls, handlers, variables int) {
	const tryTable, catchAll, void, end = 0x1f, 2, 0x40, 0x0b
	t := b.Type(nil, nil)
	f := b.Func(t, nil, nil)
	var c wasm.Code
	c.Block()
	for i := range handlers {
		c.Raw(leb.AppendU32([]byte{tryTable, void, 1, catchAll}, uint32(i))...)
	}
	for range calls {
		for x := range variables {
			c.I32Const(1).LocalSet(uint32(x))
		}
		c.Call(f)
	}
	for range handlers {
		c.Raw(end)
	}
	c.End()
	for x := range variables {
		c.LocalGet(uint32(x)).Drop()
	}
	b.Func(t, slices.Repeat([]wasm.ValType{i32}, variables), &c)
}
