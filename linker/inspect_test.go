package linker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// The address of a thread-local symbol is another one in every group, and another library's is
// where that library says it is.
func TestThreadLocalSymbols(t *testing.T) {
	for _, m := range mains[:2] {
		// the libraries are loaded before the groups exist, or after
		for _, early := range []bool{true, false} {
			i := newImage(t, m.name, m.libs, nil)
			groups := []*image{i}
			var user *linker.Library
			if early {
				user = i.open("tls_import")
			}
			for range 3 {
				groups = append(groups, i.spawn())
			}
			if !early {
				user = groups[2].open("tls_import")
			}
			definer := i.openAs("tls_export", linker.NoLoad)
			seen := map[uint32]bool{}
			for n, g := range groups {
				address := g.symbol(definer, "tls_shared")
				if seen[address] {
					t.Errorf("group %d: tls_shared is at %#x, as in another group", n, address)
				}
				seen[address] = true
				for _, lib := range []struct {
					lib  *linker.Library
					name string
				}{{definer, "tls_shared_address"}, {user, "tls_import_address"}} {
					if got := uint32(g.call(lib.lib, lib.name)); got != address {
						t.Errorf("group %d: %s is %#x, want %#x", n, lib.name, got, address)
					}
				}
				if got, want := g.symbol(linker.Default, "tls_other"),
					uint32(g.call(definer, "tls_other_address")); got != want {
					t.Errorf("group %d: tls_other is at %#x, want %#x", n, got, want)
				}
				for k := range int32(n + 1) {
					g.want(901+2*k, user, "tls_import_next")
					g.want(902+2*k, definer, "tls_shared_next")
				}
				g.want(910, user, "tls_import_read_other")
			}
			sym, err := i.g.Symbol(i.ctx, user, "tls_shared")
			if err != nil || sym.Kind != linker.Data || sym.Module != "libtls_export.wasm" {
				t.Errorf("symbol: %+v, %v", sym, err)
			}
			var se *linker.SymbolError
			if _, err := i.try(user, "tls_shared"); !errors.As(err, &se) || se.Found != "data" {
				t.Errorf("calling thread-local data: %v", err)
			}
			before := i.l.Snapshot(i.ctx)
			again := i.open("tls_import")
			i.closeLibrary(again)
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("opening and closing left something:\n%s", difference(before, after))
			}
		}
	}
}

// A pointer is traced to its module and symbol, whichever group asks and whichever module's table
// entry it is.
func TestAddr(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[len(groups)-1]
		data, fnptr := i.open("data"), i.openAs("fnptr", linker.Local)
		value := i.symbol(data, "data_value")
		array := i.symbol(data, "other_array")
		other := i.symbol(data, "other_add")     // its slot was made for libdata and libfnptr
		negate := i.symbol(data, "other_negate") // its slot is in its own element segment
		unreferenced := i.symbol(fnptr, "fnptr_unreferenced")
		twice := i.symbol(linker.Default, "main_twice")
		main := i.symbol(linker.Default, "main_value")
		mainName := i.l.Modules()[0].Name
		tests := []struct {
			name    string
			pointer uint32
			kind    linker.SymbolKind
			module  string
			symbol  string
			at      uint32
		}{
			{"data", value, linker.Data, "libdata.wasm", "data_value", value},
			{"inside of an array", array + 9, linker.Data, "libother.wasm", "other_array", array},
			{"data of the main module", main, linker.Data, mainName, "main_value", main},
			{"a function with a slot of its own", negate, linker.Function, "libother.wasm",
				"other_negate", negate},
			{"a function without", other, linker.Function, "libother.wasm", "other_add", other},
			{"a function that dlsym has given a slot", unreferenced, linker.Function,
				"libfnptr.wasm", "fnptr_unreferenced", unreferenced},
			{"a function of the main module", twice, linker.Function, mainName, "main_twice",
				twice},
			{"a private function", uint32(i.call(data, "data_function", 0)), linker.Function,
				"libdata.wasm", "", 0},
		}
		for _, tt := range tests {
			info, ok := i.l.Addr(tt.pointer, tt.kind)
			if !ok || info.Module != tt.module || info.Symbol != tt.symbol ||
				info.Pointer != tt.at {
				t.Errorf("%s: %+v, %v", tt.name, info, ok)
			}
			if info.File == "" {
				t.Errorf("%s: no file", tt.name)
			}
		}
		stack := uint32(i.call(linker.Default, "stack_probe"))
		heap := uint32(i.call(linker.Default, "malloc", 100))
		for name, p := range map[string]struct {
			pointer uint32
			kind    linker.SymbolKind
		}{
			"null": {0, linker.Data}, "the null function": {0, linker.Function},
			"no function": {1 << 20, linker.Function}, "no kind": {value, 0},
			"the heap": {heap, linker.Data},
		} {
			if info, ok := i.l.Addr(p.pointer, p.kind); ok {
				t.Errorf("%s belongs to %+v", name, info)
			}
		}
		if info, ok := i.l.Addr(stack, linker.Data); ok && info.Module != mainName {
			t.Errorf("the stack belongs to %+v", info)
		}
		i.closeLibrary(data)
		i.closeLibrary(fnptr)
		if info, ok := i.l.Addr(value, linker.Data); ok {
			t.Errorf("unloaded data belongs to %+v", info)
		}
		if info, ok := i.l.Addr(other, linker.Function); ok {
			t.Errorf("an unloaded function belongs to %+v", info)
		}
	})
}

// The list of modules says what is loaded, where, why and how.
func TestModules(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		i.openAs("chain_a", linker.Local)
		groups[len(groups)-1].openAs("chain_b", linker.NoDelete, linker.Global)
		data := i.open("data")
		type row struct {
			name             string
			needed           []string
			handles          int
			global, noDelete bool
		}
		var got []row
		for _, m := range i.l.Modules() {
			got = append(got, row{m.Name, m.Needed, m.Handles, m.Global, m.NoDelete})
			if m.Main != (len(got) == 1) || m.File == "" {
				t.Errorf("%+v", m)
			}
			if value := i.symbol(data, "data_value"); m.Name == "libdata.wasm" &&
				(value < m.MemoryBase || value >= m.MemoryBase+m.MemorySize) {
				t.Errorf("data_value is at %#x, outside of %+v", value, m)
			}
			if f := uint32(i.call(data, "data_function",
				0)); (m.Name == "libdata.wasm") != (f >= m.TableBase && f < m.TableBase+
				m.TableSize) {
				t.Errorf("a function of libdata is %d: %+v", f, m)
			}
		}
		want := []row{
			{got[0].name, nil, 0, true, false},
			{"libchain_a.wasm", []string{"libchain_b.wasm"}, 1, false, false},
			{"libchain_b.wasm", []string{"libchain_c.wasm"}, 1, true, true},
			{"libchain_c.wasm", nil, 0, true, false},
			{"libdata.wasm", []string{"libother.wasm"}, 1, true, false},
			{"libother.wasm", nil, 0, true, false},
		}
		if !slices.EqualFunc(got, want, func(a, b row) bool {
			return a.name == b.name && slices.Equal(a.needed, b.needed) && a.handles == b.handles &&
				a.global == b.global && a.noDelete == b.noDelete
		}) {
			t.Errorf("modules: %+v\nwant: %+v", got, want)
		}
	})
}

// A longjmp crosses libraries: who throws, who calls and who catches agree on a tag that none of
// them defines, even if they were loaded one after the other.
func TestLongjmpAcrossLibraries(t *testing.T) {
	for name, before := range map[string][]string{"together": nil,
		"one after the other": {"sjlj", "jumper"}} {
		t.Run(name, func(t *testing.T) {
			eachImage(t, func(t *testing.T, groups []*image) {
				for n, lib := range before {
					groups[n%len(groups)].open(lib)
				}
				lib := groups[len(groups)-1].open("jump")
				for n, g := range groups {
					for _, x := range []int32{1, 3, 7} {
						g.want(x, lib, "jump_run", x)
					}
					g.want(5, lib, "jump_run", 5) // returns
					g.want(int32(3*(n+1)), lib, "jump_count")
				}
			})
		})
	}
}

// What a weak import was bound to at loading stays: null is not patched when a definition comes
// later.
func TestWeakStaysNull(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		lib := groups[0].open("weak")
		groups[len(groups)-1].open("strong")
		for _, g := range groups {
			g.want(0, lib, "weak_has_function")
			g.want(0, lib, "weak_has_data")
			g.want(-1, lib, "weak_read")
		}
		groups[0].closeLibrary(lib)
		again := groups[0].open("weak")
		for _, g := range groups {
			g.want(1, again, "weak_has_function")
			g.want(33, again, "weak_read")
		}
	})
}
