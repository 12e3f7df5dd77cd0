package linker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// The main module's own data, constructor and functions work before any library is there.
func TestMainModule(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		i.want(1, linker.Default, "main_constructed")
		i.want(14, linker.Default, "main_twice", 7)
		i.want(7, linker.Default, "peek32", int32(i.symbol(linker.Default, "main_value")))
		i.want(18, linker.Default, "call_pointer", int32(i.symbol(linker.Default, "main_triple")),
			6)
		if probe := i.call(linker.Default, "stack_probe"); probe < 1024 {
			t.Errorf("the stack pointer is %#x", probe)
		}
		if len(i.l.Libraries()) != 0 {
			t.Errorf("libraries: %v", i.l.Libraries())
		}
	})
}

// Addresses in initialised data are relocated: of own data, of other modules' data, of functions of
// all kinds.
func TestDataRelocations(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("data")
		i.want(42, lib, "data_read_value")
		i.want(5, lib, "data_read_private")
		i.want(42, lib, "data_read_pointer")
		i.want(11, lib, "data_read_other")
		i.want(22, lib, "data_read_other_element")
		i.want(7, lib, "data_read_main")
		for k, want := range []int32{9, 45, 1003, 6} {
			i.want(want, lib, "data_call", int32(k), 3)
			i.want(want, linker.Default, "call_pointer", i.call(lib, "data_function", int32(k)), 3)
		}
		i.want(9, linker.Default, "call_pointer", i.call(lib, "data_constant_function", 0), 3)
		i.want(42, linker.Default, "peek32", int32(i.symbol(lib, "data_value")))
		if got := i.l.Libraries(); !slices.Equal(got, []string{"libdata.wasm", "libother.wasm"}) {
			t.Errorf("libraries: %v", got)
		}
	})
}

// One function has one pointer: as a library takes its address, as another one does, and as Symbol
// finds it.
func TestPointerIdentity(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("fnptr")
		other := i.open("other")
		for _, c := range []struct {
			address string
			lib     *linker.Library
			symbol  string
			of3     int32
		}{
			{"fnptr_exported_address", lib, "fnptr_exported", 5},
			{"fnptr_imported_address", other, "other_add", 1003},
			{"fnptr_imported_slotted_address", other, "other_negate", -3},
			{"other_negate_address", other, "other_negate", -3},
			{"fnptr_main_address", linker.Default, "main_twice", 6},
			{"fnptr_main_triple_address", linker.Default, "main_triple", 9},
		} {
			taken := uint32(i.call(linker.Default, c.address))
			found := i.symbol(c.lib, c.symbol)
			if taken != found || found != i.symbol(linker.Default, c.symbol) {
				t.Errorf("%s is %d, but Symbol says %d", c.address, taken, found)
			}
			if got := i.unary(found, 3); got != c.of3 {
				t.Errorf("*%s(3) = %d, want %d", c.symbol, got, c.of3)
			}
		}
		i.want(1, lib, "fnptr_is_other_negate", int32(i.symbol(other, "other_negate")))
		i.want(4, lib, "fnptr_call", i.call(lib, "fnptr_private_address"), 3)
		made := i.symbol(lib, "fnptr_unreferenced")
		if got := i.unary(made, 3); got != 6 {
			t.Errorf("fnptr_unreferenced(3) = %d", got)
		}
		if again := i.symbol(lib, "fnptr_unreferenced"); again != made {
			t.Errorf("fnptr_unreferenced is %d, then %d", made, again)
		}
	})
}

// Constructors run once, in order of priority, after relocation; those of needed libraries first.
func TestConstructors(t *testing.T) {
	for _, c := range []struct {
		lib  string
		want []int32
		call string
		x, y int32
	}{
		{"ctor", []int32{301, 302, 303}, "ctor_call", 1, 10},
		{"chain_a", []int32{3, 2, 1}, "chain_a", 4, 721},
	} {
		t.Run(c.lib, func(t *testing.T) {
			eachMain(t, func(t *testing.T, i *image) {
				lib := i.open(c.lib)
				if got := i.log(); !slices.Equal(got, c.want) {
					t.Errorf("log: %v, want %v", got, c.want)
				}
				i.want(c.y, lib, c.call, c.x)
				i.open(c.lib)
				if got := i.log(); !slices.Equal(got, c.want) {
					t.Errorf("log after opening again: %v, want %v", got, c.want)
				}
			})
		})
	}
}

// A library that two others need is loaded once.
func TestDiamond(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("diamond_top")
		log := i.log()
		slices.Sort(log)
		if !slices.Equal(log, []int32{11, 12, 13, 14}) || i.log()[0] != 14 || i.log()[3] != 11 {
			t.Errorf("log: %v", i.log())
		}
		i.want(201302, lib, "diamond_top")
		i.want(3, lib, "diamond_bottom") // found in what the library needs
		want := []string{"libdiamond_top.wasm", "libdiamond_left.wasm", "libdiamond_right.wasm",
			"libdiamond_bottom.wasm"}
		if got := i.l.Libraries(); !slices.Equal(got, want) {
			t.Errorf("libraries: %v, want %v", got, want)
		}
	})
}

// Libraries that need each other see each other's functions, data and function pointers.
func TestCircle(t *testing.T) {
	for _, first := range []string{"circle_a", "circle_b"} {
		t.Run(first, func(t *testing.T) {
			eachMain(t, func(t *testing.T, i *image) {
				i.open(first)
				i.want(7, linker.Default, "circle_a", 5) // five steps end at circle_b_value, 2
				i.want(2, linker.Default, "circle_a_reads_b")
				i.want(1, linker.Default, "circle_b_reads_a")
				for address, symbol := range map[string]string{"circle_a_address_of_b": "circle_b",
					"circle_b_address_of_a": "circle_a"} {
					if taken, found := i.call(linker.Default, address),
						i.symbol(linker.Default, symbol); uint32(taken) != found {
						t.Errorf("%s is %d, Symbol says %d", symbol, taken, found)
					}
				}
			})
		})
	}
}

// A function is found when it is first called: by then a library that was loaded later may have it.
func TestLazyBinding(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		even := i.open("even")
		i.want(1, even, "even", 0)
		_, err := i.try(even, "even", 3)
		var undefined *linker.UndefinedSymbolError
		if !errors.As(err, &undefined) || undefined.Symbol != "odd" ||
			undefined.Module != "libeven.wasm" {
			t.Fatalf("even(3) = %v", err)
		}
		odd := i.open("odd")
		i.want(0, even, "even", 7)
		i.want(1, even, "even", 8)
		i.want(1, odd, "odd", 9)
	})
}

// Undefined functions: their library loads, and only calling them fails.
func TestUnresolved(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("unresolved")
		i.want(4, lib, "unresolved_fine", 3)
		var undefined *linker.UndefinedSymbolError
		if _, err := i.try(lib, "unresolved_call", 1); !errors.As(err, &undefined) ||
			undefined.Symbol != "nobody_has_this" {
			t.Errorf("unresolved_call: %v", err)
		}
		if _, err := i.try(lib, "unresolved_call_other", 1); !errors.As(err, &undefined) ||
			undefined.Symbol != "nobody_has_that" {
			t.Errorf("unresolved_call_other: %v", err)
		}
		pointer := i.call(lib, "unresolved_address")
		if _, err := i.try(linker.Default, "call_pointer", pointer, 1); !errors.As(err,
			&undefined) {
			t.Errorf("call through the address: %v", err)
		}
		i.want(5, lib, "unresolved_fine", 4)
	})
}

// Weak symbols: undefined ones are null, defined ones give way to what was loaded before.
func TestWeak(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("weak")
		i.want(0, lib, "weak_has_function")
		i.want(0, lib, "weak_has_data")
		i.want(-1, lib, "weak_call", 1)
		i.want(-1, lib, "weak_read")
		i.want(1, lib, "weak_has_main_function")
		i.want(1, lib, "weak_has_main_data")
		i.want(8, lib, "weak_call_main", 4)
		i.want(31, linker.Default, "peek32", i.call(lib, "weak_defined_data_address"))
	})
	eachMain(t, func(t *testing.T, i *image) {
		i.open("strong")
		lib := i.open("weak")
		i.want(4, lib, "weak_call", 1)
		i.want(33, lib, "weak_read")
		i.want(32, linker.Default, "peek32", i.call(lib, "weak_defined_data_address"))
		i.want(7, linker.Default, "call_pointer", i.call(lib, "weak_defined_address"), 5)
	})
}

// A library that imports its own exports gets them, unless an earlier library has them too.
func TestInterposition(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("interpose")
		i.want(61, lib, "interpose_read")
		i.want(62, lib, "interpose_call", 1)
		i.want(62, lib, "interpose_call_own", 1)
	})
	eachMain(t, func(t *testing.T, i *image) {
		first := i.open("interposer")
		lib := i.open("interpose")
		i.want(62, lib, "interpose_read")
		i.want(63, lib, "interpose_call", 1)
		i.want(62, lib, "interpose_call_own", 1)
		if got, want := uint32(i.call(lib, "interpose_address")),
			i.symbol(first, "interpose_function"); got != want {
			t.Errorf("interpose_address is %d, want %d", got, want)
		}
	})
}

// Libraries of all shapes work as their sources say.
func TestLibraries(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		s := i.open("symbolic")
		i.want(71, s, "symbolic_read")
		i.want(81, s, "symbolic_call", 10)
		i.want(13, s, "symbolic_call_main", 3)
		if got, want := uint32(i.call(s, "symbolic_function_address")),
			i.symbol(s, "symbolic_add"); got != want {
			t.Errorf("symbolic_function_address is %d, want %d", got, want)
		}
		i.want(5, i.open("notable"), "notable_add", 2, 3)
		a := i.open("align")
		i.want(65, a, "align_read")
		for name, align := range map[string]int32{"align_page_address": 4096,
			"align_line_address": 64, "align_zero_address": 1024} {
			if at := i.call(a, name); at%align != 0 {
				t.Errorf("%s is %#x", name, at)
			}
		}
		m := i.open("manyfn")
		for k := range int32(64) {
			i.want(5+10*(k/8+1)+k%8, m, "manyfn_call", k, 5)
		}
		c := i.open("callback")
		i.want(20, c, "callback_sum", int32(i.symbol(linker.Default, "main_twice")), 5)
		i.want(9, linker.Default, "call_pointer", i.call(c, "callback_own_address"), 4)
		i.want(4950, i.open("stack"), "stack_sum", 100)
		i.want(31, i.open("rpath"), "rpath_call", 3)
		b := i.open("bss")
		i.want(0, b, "bss_sum", 0, 25000)
		i.want(93, b, "bss_initialised", 2)
	})
}

// All value types pass between the host and libraries, directly and through pointers.
func TestTypes(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("types")
		for _, c := range []struct {
			name      string
			arg, want uint64
		}{
			{"types_i64", api.EncodeI64(1 << 40), api.EncodeI64(1<<40 + 1)},
			{"types_f32", api.EncodeF32(3), api.EncodeF32(1.5)},
			{"types_f64", api.EncodeF64(3), api.EncodeF64(0.75)},
		} {
			r, err := i.g.Call(i.ctx, lib, c.name, c.arg)
			if err != nil || r[0] != c.want {
				t.Errorf("%s: %v, %v", c.name, r, err)
			}
		}
		sym, err := i.g.Symbol(i.ctx, lib, "types_mixed")
		if err != nil {
			t.Fatal(err)
		}
		if got := sym.Type.String(); got != "(i32, i64, f32, f64) -> (f64)" {
			t.Errorf("type: %s", got)
		}
		args := []uint64{api.EncodeI32(1), api.EncodeI64(2), api.EncodeF32(3.5),
			api.EncodeF64(4.25)}
		r, err := i.g.CallPointer(i.ctx, sym.Pointer, sym.Type.Params, sym.Type.Results, args...)
		if err != nil || api.DecodeF64(r[0]) != 10.75 {
			t.Errorf("through the pointer: %v, %v", r, err)
		}
		r, err = i.g.Call(i.ctx, lib, "types_call_mixed",
			append([]uint64{uint64(sym.Pointer)}, args...)...)
		if err != nil || api.DecodeF64(r[0]) != 10.75 {
			t.Errorf("through the guest: %v, %v", r, err)
		}
		var pe *linker.PointerError
		if _, err := i.g.CallPointer(i.ctx, sym.Pointer, nil, nil); !errors.As(err, &pe) ||
			pe.Pointer != sym.Pointer {
			t.Errorf("as another type: %v", err)
		}
		if _, err := i.g.CallPointer(i.ctx, 0, nil, nil); !errors.As(err, &pe) {
			t.Errorf("the null pointer: %v", err)
		}
		var se *linker.SymbolError
		if _, err := i.g.Call(i.ctx, lib, "types_i64"); !errors.As(err, &se) {
			t.Errorf("without arguments: %v", err)
		}
		if _, err := i.g.Call(i.ctx, linker.Default, "main_value"); !errors.As(err, &se) {
			t.Errorf("calling data: %v", err)
		}
		if _, err := i.g.Call(i.ctx, linker.Default, "nothing"); !errors.As(err,
			new(*linker.UndefinedSymbolError)) {
			t.Errorf("calling nothing: %v", err)
		}
	})
}
