package image

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A library is found by the path of its file, and by other paths that lead to the same file, until
// it is taken out. One that was given as bytes is found by none.
func TestLibraryFiles(t *testing.T) {
	folder := t.TempDir()
	stat := func(name string) fs.FileInfo {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(folder, "a"), filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	a := &Module{Name: "a", File: "a", Stat: stat("a")}
	twin := &Module{Name: "twin", File: "link", Stat: stat("link")}
	given := &Module{Name: "given", File: "b"}
	want := func(f LibraryFiles, name string, want *Module) {
		t.Helper()
		if got := f.Find(Location{name, stat(name)}); got != want {
			t.Errorf("%s leads to %v, want %v", name, got, want)
		}
	}
	var none LibraryFiles
	one := none.With(a).With(given)
	want(none, "a", nil)
	want(one, "a", a)
	want(one, "link", a)
	want(one, "b", nil)
	two := one.With(twin)
	want(two, "a", a)
	want(two, "link", twin)
	left := two.without(a).without(given)
	want(left, "a", twin)
	want(left, "link", twin)
	want(two.without(twin), "link", a)
	want(left.without(twin), "a", nil)
	want(two, "a", a)
	if again := two.without(a).With(a).without(&Module{File: "a", Stat: stat("b")}); again.Find(
		Location{"a", stat("a")}) != a {
		t.Error("another library of the same path has taken it out")
	}
	if left.without(twin).identities.Len() != 0 {
		t.Error("something is left of files that are not loaded")
	}
}

type code [sha256.Size]byte

func (c code) Sum() [sha256.Size]byte { return c }

// What is a module's own is told apart by the module's file and code, and by what it is: a stub is
// no function, whatever its name.
func TestOwners(t *testing.T) {
	m := &Module{File: "f", Code: code{1}}
	fn := NewFunction(m, "x", wasm.FuncType{})
	stub := NewFunction(m, "x", wasm.FuncType{})
	stub.Stub = true
	found := &Module{File: "f", Code: code{1}, Stat: fakeInfo{}}
	owners := map[spans.Owner]bool{m.Owner("data"): true, fn.Owner(): true, stub.Owner(): true,
		found.Owner("data"): true, (&Module{File: "f", Code: code{2}}).Owner("data"): true,
		(&Module{File: "g", Code: code{1}}).Owner("data"): true}
	if len(owners) != 6 || !owners[m.Owner("data")] ||
		!owners[NewFunction(m, "x", wasm.FuncType{}).Owner()] {
		t.Errorf("owners %v", owners)
	}
}

type fakeInfo struct{ fs.FileInfo }

// A module that ends is held by who ends it, for others, until that has ended.
func TestClosingHolds(t *testing.T) {
	var none *Closing
	c := &Closing{}
	if none.heldBesides(c) || c.heldBesides(c) || !c.heldBesides(&Closing{}) ||
		!c.heldBesides(nil) {
		t.Error("it is held by who else ends it, and by no one else")
	}
	c.Ended.Store(true)
	if c.heldBesides(nil) {
		t.Error("it is held by an end that is over")
	}
}

// A module has no name, and no file, that it shares with another that came later; and it becomes
// global once, with what it needs.
func TestNamesAndPromotion(t *testing.T) {
	main, a, b := &Module{Name: "main"}, &Module{Name: "a", Aliases: []string{"x", "y"}},
		&Module{Name: "b"}
	a.Needed = []*Module{b, main}
	s := &Snapshot{Search: []*Module{main, a, b}}
	s.Global = s.Global.With([]*Module{main})
	for name, m := range map[string]*Module{"a": a, "x": a, "y": b, "b": b} {
		s.Names = s.Names.With(name, m)
	}
	if more := s.Promotion(a); len(more) != 2 || more[0] != a || more[1] != b {
		t.Errorf("%d modules become global", len(more))
	}
	if s.Named("b") != b || s.Named("x") != nil {
		t.Error("a module has one name")
	}
	s.Unname(a)
	for name, want := range map[string]*Module{"a": nil, "x": nil, "y": b, "b": b} {
		if s.Names.At(name) != want {
			t.Errorf("%s leads to %v", name, s.Names.At(name))
		}
	}
	if !s.Has(b) || s.Has(a) || !s.Hides(a) || s.Hides(main) {
		t.Error("what has no name is hidden, but for the main module")
	}
}

// What OpenAll has joined is unloaded one by one: what is gone is in no local scope.
func TestJoinedIsUnloaded(t *testing.T) {
	main, stays, gone := &Module{Name: "main"}, &Module{Name: "stays"}, &Module{Name: "gone"}
	needs := []*Module{stays, gone}
	for joins, want := range map[bool]int{true: 2, false: 3} {
		joined := &Module{Name: "joined", Needed: needs, Joins: joins}
		s := &Snapshot{Search: []*Module{main, stays, joined}}
		for _, m := range s.Search {
			s.Names = s.Names.With(m.Name, m)
		}
		if got := s.LocalScope(stays); len(got) != want || got[0] != stays || got[1] != joined {
			t.Errorf("joined %v: %d modules in the scope, want %d", joins, len(got), want)
		}
	}
}

// The next definition after that of a module whose destructors run is also looked for in the global
// scope, in which it was perhaps; one in its own scope comes before.
func TestNextOfAHiddenModule(t *testing.T) {
	export := func(names ...string) map[string]*Export {
		exports := map[string]*Export{}
		for _, name := range names {
			exports[name] = &Export{Name: name}
		}
		return exports
	}
	main := &Module{Name: "main", Exports: export("f", "g")}
	needed := &Module{Name: "needed", Exports: export("g")}
	m := &Module{Name: "m", Exports: export("f", "g"), Needed: []*Module{needed}}
	s := &Snapshot{Search: []*Module{main, m, needed}}
	s.Global = s.Global.With([]*Module{main})
	s.Names = s.Names.With("needed", needed).With("m", m)
	if s.LookupNext(m, "f") != nil || s.LookupNext(m, "g") != needed.Exports["g"] {
		t.Error("the next one is not that of the module's own scope")
	}
	s.Unname(m)
	if s.LookupNext(m, "f") != main.Exports["f"] || s.LookupNext(m, "g") != needed.Exports["g"] {
		t.Error("the next one is not that of the own scope, and then of the global one")
	}
}

// What is held, or is being unloaded by another, is in use; what is forgotten leaves its closures.
func TestUnusedIsHeld(t *testing.T) {
	main, a, b := &Module{Name: "main"}, &Module{Name: "a"}, &Module{Name: "b"}
	s := &Snapshot{Search: []*Module{main, a, b}, Order: []*Module{main, a, b}}
	for slot, m := range map[uint32]*Module{1: a, 2: b} {
		s = s.WithClosure(slot, NewFunction(m, "f", first), nil)
	}
	mine, other := &Closing{}, &Closing{}
	unused := func(held map[*Module]bool, want ...*Module) {
		t.Helper()
		if got := s.Unused(held, mine); !slices.Equal(got, want) {
			t.Errorf("%d modules are unused, want %d", len(got), len(want))
		}
	}
	unused(nil, b, a)
	unused(map[*Module]bool{b: true}, a)
	a.Closing.Store(mine)
	b.Closing.Store(other)
	unused(nil, a)
	other.Ended.Store(true)
	unused(nil, b, a)
	after := *s
	after.Forget([]*Module{a}, Set([]*Module{a}), []uint32{1})
	if after.Closures.At(1) != nil || after.Closures.At(2) == nil || s.Closures.At(1) == nil {
		t.Error("the closures of what is forgotten, and no others, are empty")
	}
}

// What the toolchain defines in every module is no symbol of others, in no search.
func TestToolchainIsNoSymbol(t *testing.T) {
	x := &Export{Name: "_start"}
	m := &Module{Name: "main", Exports: map[string]*Export{"_start": x, "f": {Name: "f"}}}
	given := &Module{Exports: map[string]*Export{"g": {Name: "g"}}}
	s := &Snapshot{Search: []*Module{m}, Given: given}
	s.Global = s.Global.With([]*Module{m})
	if s.LookupFor(m, "_start") != nil || s.LookupFrom(m, "_start") != x ||
		s.LookupFor(m, "f") == nil || IsToolchain("f") {
		t.Error("a look-up for a module finds its symbols, and not _start")
	}
	if s.LookupHost("g") == nil || s.LookupHost("f") != nil ||
		(&Snapshot{}).LookupHost("g") != nil {
		t.Error("the configuration defines g alone")
	}
	typ := wasm.FuncType{Params: i32, Results: i64}
	sig := NewSignature(typ)
	if got := WasmType(sig.Params, sig.Results); got.Key() != typ.Key() {
		t.Errorf("%v", got)
	}
}
