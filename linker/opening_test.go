package linker_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// What identifies a library is its file: under other names, and through links, it is loaded once.
// Copies are others.
func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	bytes := readFixture(t, "threads/libcounter.wasm")
	for _, name := range []string{"a.wasm", "copy.wasm"} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"a.wasm", "./a.wasm", "x/../a.wasm", "/a.wasm", "hard.wasm"}
	if err := os.Link(filepath.Join(dir, "a.wasm"), filepath.Join(dir, "hard.wasm")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.wasm", filepath.Join(dir, "soft.wasm")); err == nil {
		names = append(names, "soft.wasm")
	}
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithFS(os.DirFS(dir)).WithSearchPath(".")
	})
	var libs []*linker.Library
	for n, name := range names {
		lib, err := i.g.Open(i.ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		i.want(int32(101+n), lib, "counter_next")
		if loaded, err := i.g.Open(i.ctx, name, linker.NoLoad); err != nil {
			t.Errorf("NoLoad of %s: %v", name, err)
		} else {
			i.closeLibrary(loaded)
		}
		libs = append(libs, lib)
	}
	other, err := i.g.Open(i.ctx, "copy.wasm")
	if err != nil {
		t.Fatal(err)
	}
	i.want(101, other, "counter_next")
	given, err := i.g.OpenBytes(i.ctx, "given", bytes)
	if err != nil {
		t.Fatal(err)
	}
	i.want(101, given, "counter_next")
	// A name that was given to bytes is not the file of that name.
	if got := i.l.Libraries(); !slices.Equal(got, []string{"a.wasm", "copy.wasm", "given"}) {
		t.Errorf("libraries: %v", got)
	}
	for _, lib := range append(libs, other, given) {
		i.closeLibrary(lib)
	}
	if got := i.l.Libraries(); len(got) != 0 {
		t.Errorf("libraries: %v", got)
	}
}

// Next finds the definition that a library's own hides, and nothing behind the last one.
func TestNext(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		first := groups[0].open("interposer")
		second := groups[0].open("interpose")
		for _, g := range groups {
			g.want(63, linker.Default, "interpose_function", 1)
			g.want(63, linker.Next(linker.Default), "interpose_function", 1)
			g.want(63, linker.Next(nil), "interpose_function", 1)
			g.want(62, linker.Next(first), "interpose_function", 1)
			g.want(62, linker.Next(linker.Next(first)), "interpose_function", 1)
			if got, want := g.symbol(linker.Next(first), "interpose_function"),
				g.symbol(second, "interpose_function"); got != want {
				t.Errorf("the next interpose_function is %d, want %d", got, want)
			}
			if _, err := g.try(linker.Next(second), "interpose_function", 1); !isUndefined(err) {
				t.Errorf("behind the last definition: %v", err)
			}
			if _, err := g.try(linker.Next(linker.Default), "main_twice", 1); !isUndefined(err) {
				t.Errorf("the main module is not behind itself: %v", err)
			}
		}
		next := linker.Next(first)
		if err := groups[0].g.CloseLibrary(groups[0].ctx, next); !errors.Is(err,
			linker.ErrPseudoHandle) {
			t.Errorf("closing a pseudo-handle: %v", err)
		}
		groups[0].closeLibrary(first)
		if _, err := groups[0].try(next, "interpose_function", 1); !errors.Is(err,
			linker.ErrLibraryClosed) {
			t.Errorf("next to a library that was closed: %v", err)
		}
		local := groups[0].openAs("chain_a", linker.Local)
		groups[0].want(7, linker.Next(local), "chain_c", 4)
		if _, err := groups[0].try(linker.Next(local), "chain_a", 4); !isUndefined(err) {
			t.Errorf("a local library is not behind itself: %v", err)
		}
	})
}

// Libraries that are preloaded come before all others, their constructors run before the main
// module's, and they stay.
func TestPreload(t *testing.T) {
	for _, m := range mains {
		t.Run(m.name, func(t *testing.T) {
			i := newImage(t, m.name, m.libs, func(c *linker.Config) *linker.Config {
				return c.WithPreload("libinterposer.wasm", "libctor.wasm", "libbss.wasm")
			})
			if got, want := i.l.Libraries(),
				[]string{"libinterposer.wasm", "libctor.wasm", "libbss.wasm"}; !slices.Equal(got,
				want) {
				t.Errorf("libraries: %v, want %v", got, want)
			}
			groups := []*image{i}
			if m.groups {
				groups = append(groups, i.spawn(), i.spawn(), i.spawn())
			}
			if got := i.log(); !slices.Equal(got, []int32{301, 302, 303}) {
				t.Errorf("constructors: %v", got)
			}
			lib := i.open("interpose")
			for _, g := range groups {
				g.want(62, lib, "interpose_read")
				g.want(63, lib, "interpose_call", 1)
				g.want(0, linker.Default, "bss_sum", 0, 25000)
			}
			for range 3 { // the heap is not in the preloaded data
				i.call(linker.Default, "malloc", 70000)
			}
			i.want(0, linker.Default, "bss_sum", 0, 25000)
			i.closeLibrary(i.openAs("interposer", linker.NoLoad))
			i.want(63, linker.Default, "interpose_function", 1)
		})
	}
	t.Run("missing", func(t *testing.T) {
		var le *linker.LoadError
		config := linker.NewConfig().WithFS(fixtures()).WithSearchPath("threads").WithPreload(
			"libabsent.wasm")
		_, err := linker.New(t.Context(), newRuntime(t), readFixture(t, "main-pie.wasm"), config)
		if !errors.As(err, &le) || le.Module != "libabsent.wasm" ||
			!errors.As(err, new(*linker.NotFoundError)) {
			t.Errorf("error: %v", err)
		}
	})
}
