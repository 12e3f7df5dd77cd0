package linker_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// openBuilt opens a library that a test writes.
func (i *image) openBuilt(name string, info dylink.Info,
	build func(b *wasm.Builder)) *linker.Library {
	i.Helper()
	lib, err := i.g.OpenBytes(i.ctx, name, library(i, info, build))
	if err != nil {
		i.Fatal(err)
	}
	return lib
}

// A mutable global that one library exports is shared with those that import it, and each group has
// its own.
func TestSharedGlobal(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		mutable := wasm.GlobalType{Type: wasm.I32, Mutable: true}
		definer := groups[0].openBuilt("definer", dylink.Info{}, func(b *wasm.Builder) {
			g := b.Global(wasm.I32, true, wasm.ConstI32(100))
			b.ExportGlobal("shared_global", g)
			b.ExportFunc("definer_read", b.Func(b.Type(nil, i32), nil, new(wasm.Code).GlobalGet(g)))
		})
		user := groups[len(groups)-1].openBuilt("user", dylink.Info{Needed: []string{"definer"}},
			func(b *wasm.Builder) {
				g := b.ImportGlobal("env", "shared_global", mutable)
				b.ExportFunc("user_add", b.Func(b.Type(i32, i32), nil, new(wasm.Code).
					GlobalGet(g).LocalGet(0).I32Add().GlobalSet(g).GlobalGet(g)))
			})
		for n, g := range groups {
			g.want(100, definer, "definer_read")
			g.want(int32(101+n), user, "user_add", int32(n+1))
			g.want(int32(101+n), definer, "definer_read")
		}
		i := groups[0]
		var se *linker.SymbolError
		if _, err := i.g.Symbol(i.ctx, definer, "shared_global"); !errors.As(err, &se) ||
			!strings.HasPrefix(se.Found, "global ") {
			t.Errorf("a global has no pointer: %v", err)
		}
		i.closeLibrary(definer) // user keeps it
		i.want(100+1, user, "user_add", 0)
		wrong := library(t, dylink.Info{}, func(b *wasm.Builder) {
			b.ImportGlobal("env", "shared_global", wasm.GlobalType{Type: wasm.I64, Mutable: true})
		})
		if _, err := i.g.OpenBytes(i.ctx, "wrong", wrong); !errors.As(err, &se) ||
			se.Module != "wrong" || se.Want == se.Found {
			t.Errorf("a global of another type: %v", err)
		}
	})
}

// throwing writes a function that throws its argument with a tag.
func throwing(b *wasm.Builder, tag uint32) {
	b.ExportFunc("throw_it", b.Func(b.Type(i32, nil), nil, new(wasm.Code).LocalGet(0).Throw(tag)))
}

// catching writes a function that calls throw_it and returns what it catches with a tag.
func catching(b *wasm.Builder, tag, throwIt uint32) {
	b.ExportFunc("catch_it", b.Func(b.Type(i32, i32), nil, new(wasm.Code).Raw(
		0x02, 0x7f, // block (result i32)
		0x1f, 0x40, 0x01, 0x00, byte(tag), 0x00, // try_table (catch tag 0)
		0x20, 0x00, 0x10, byte(throwIt), // call throw_it with the argument
		0x0b, 0x41, 0x7f, // end, -1: nothing was thrown
		0x0b))) // end
}

// An exception crosses libraries, whether a library defines its tag or none does, and whichever was
// loaded first.
func TestExceptionsAcrossLibraries(t *testing.T) {
	thrower := func(b *wasm.Builder) {
		throwing(b, b.ImportTag("env", "__cpp_exception", b.Type(i32, nil)))
	}
	defining := func(b *wasm.Builder) {
		tag := b.Tag(b.Type(i32, nil))
		b.ExportTag("__cpp_exception", tag)
		throwing(b, tag)
	}
	catcher := func(b *wasm.Builder) {
		throwIt := b.ImportFunc("env", "throw_it", b.Type(i32, nil))
		catching(b, b.ImportTag("env", "__cpp_exception", b.Type(i32, nil)), throwIt)
	}
	tests := []struct {
		name          string
		first, second func(b *wasm.Builder)
	}{
		{"thrower first", thrower, catcher}, {"catcher first", catcher, thrower},
		{"tag of the thrower", defining, catcher},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			eachImage(t, func(t *testing.T, groups []*image) {
				i, last := groups[0], groups[len(groups)-1]
				first := i.openBuilt("first", dylink.Info{}, tt.first)
				second := last.openBuilt("second", dylink.Info{}, tt.second)
				for n, g := range groups {
					g.want(int32(40+n), linker.Default, "catch_it", int32(40+n))
				}
				var se *linker.SymbolError
				wrong := library(t, dylink.Info{},
					func(b *wasm.Builder) {
						b.ImportTag("env", "__cpp_exception", b.Type(nil, nil))
					})
				if _, err := i.g.OpenBytes(i.ctx, "wrong", wrong); !errors.As(err, &se) ||
					se.Symbol != "__cpp_exception" {
					t.Errorf("a tag of another type: %v", err)
				}
				i.closeLibrary(second)
				last.closeLibrary(first)
				if got := i.l.Libraries(); len(got) != 0 {
					t.Errorf("libraries: %v", got)
				}
			})
		})
	}
}
