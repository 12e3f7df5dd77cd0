package guestabi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// opening is one opening of a library, which may be taken back.
type opening struct{ gone *bool }

func (o opening) Gone() bool { return *o.gone }

// Handles behave as a list of openings that are neither closed nor taken back.
func TestHandles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		errs := testErrors()
		h := &Handles[opening]{Most: rapid.IntRange(1, 6).Draw(t, "most"), Errors: &errs}
		model := map[uint32][]opening{}
		live := func() (n int) {
			for _, list := range model {
				for _, o := range list {
					if !*o.gone {
						n++
					}
				}
			}
			return n
		}
		youngest := func(handle uint32) int {
			for i, o := range slices.Backward(model[handle]) {
				if !*o.gone {
					return i
				}
			}
			return -1
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			handle := rapid.Uint32Range(1, 3).Draw(t, "handle")
			steps := []string{"open", "find", "close", "take back"}
			switch rapid.SampledFrom(steps).Draw(t, "step") {
			case "open":
				err := h.Room()
				if full := live() >= h.Most; full != (err != nil) {
					t.Fatalf("%d of %d are open, and another one: %v", live(), h.Most, err)
				}
				if err == nil {
					o := opening{new(bool)}
					h.Add(handle, o)
					model[handle] = append(model[handle], o)
				}
			case "find":
				check(t, model[handle], youngest(handle))(h.Find(handle))
			case "close":
				i := youngest(handle)
				check(t, model[handle], i)(h.Take(handle))
				if i >= 0 {
					model[handle] = slices.Delete(model[handle], i, i+1)
				}
			case "take back":
				if i := youngest(handle); i >= 0 {
					*model[handle][i].gone = true
				}
			}
		}
	})
}

// check compares what was found with the opening at i, or with an error if i is below 0.
func check(t *rapid.T, list []opening, i int) func(opening, error) {
	return func(got opening, err error) {
		if (err == nil) != (i >= 0) || err == nil && got != list[i] {
			t.Fatalf("%v, %v; want number %d of %v", got, err, i, list)
		}
	}
}

// Strings end inside the memory and within the limit, or they are refused.
func TestStrings(t *testing.T) {
	h := newHost()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[a-z]{0,80}`).Draw(t, "string")
		at := uint32(len(h.mem) - len(s) - rapid.IntRange(0, 2).Draw(t, "room"))
		ends := int(at)+len(s) < len(h.mem)
		clear(h.mem)
		copy(h.mem[at:], s)
		for name, read := range map[string]func() (string, error){
			"C":     func() (string, error) { return h.cString(at) },
			"sized": func() (string, error) { return h.sized(at, uint32(len(s))) },
		} {
			got, err := read()
			switch {
			case len(s) > h.MaxString:
				if !errors.Is(err, errFull) {
					t.Fatalf("%s: %d bytes: %v", name, len(s), err)
				}
			case name == "C" && !ends:
				if !errors.Is(err, errBadString) {
					t.Fatalf("without an end: %q, %v", got, err)
				}
			case got != s || err != nil:
				t.Fatalf("%s: %q, %v, want %q", name, got, err, s)
			}
		}
	})
	for _, at := range []uint32{4096, 1<<32 - 1} {
		if _, err := h.cString(at); !errors.Is(err, errBadString) {
			t.Errorf("at %#x: %v", at, err)
		}
		if _, err := h.sized(at, 1<<31); !errors.Is(err, errBadString) {
			t.Errorf("at %#x, with a length: %v", at, err)
		}
	}
}

// What dlopen refuses itself, and what it asks for.
func TestDlopenFlags(t *testing.T) {
	h := newHost()
	name := h.put(64, "a.so")
	h.files["a.so"] = 7
	for flags, want := range map[uint32]*Mode{
		rtldLazy:            {},
		rtldNow | rtldLocal: {Now: true},
		rtldNow | rtldGlobal | rtldNoLoad | rtldNoDelete: {true, true, true, true},
		0:                  nil,
		rtldGlobal:         nil,
		rtldNow | 1<<20:    nil,
		rtldLazy | rtldNow: {Now: true},
	} {
		h.opened, h.modes = nil, nil
		handle, err := h.run("env.dlopen", name, flags), h.run("env.dlerror")
		if want == nil {
			if handle != 0 || h.text(err) != errBadFlags.Error() || h.opened != nil {
				t.Errorf("flags %#x: handle %d, %q, opened %q", flags, handle, h.text(err),
					h.opened)
			}
			continue
		}
		if handle != 7 || err != 0 || h.modes[0] != *want {
			t.Errorf("flags %#x: handle %d, error %d, %v", flags, handle, err, h.modes)
		}
	}
}

// An error is told once, its text belongs to the group, and the same memory serves the next one.
func TestDlerror(t *testing.T) {
	h := newHost()
	name := h.put(64, "none.so")
	for range 3 {
		if h.run("env.dlopen", name, rtldNow) != 0 {
			t.Fatal("a library that is missing was opened")
		}
		if at := h.run("env.dlerror"); h.text(at) != "none.so: missing" {
			t.Errorf("dlerror: %q", h.text(at))
		}
		if h.run("env.dlerror") != 0 {
			t.Error("an error was told twice")
		}
	}
	if len(h.taken) != 1 || len(h.owned) != 1 {
		t.Errorf("regions %v, of them the group's own: %v", h.taken, h.owned)
	}
	h.err = errors.New(strings.Repeat("x", 600))
	h.run("env.dlclose", 3)
	if at := h.run("env.dlerror"); len(h.text(at)) != 255 {
		t.Errorf("without memory for it, a text has %d bytes", len(h.text(at)))
	}
}

// What ends the guest is a panic, not an error number.
func TestFatalErrors(t *testing.T) {
	for _, call := range [][]uint32{{0, 64, rtldNow}, {1, 3, 64}, {2, 3}, {3, 1},
		{4, 64, 1, 0, 0, 0, 0, 0, 8}, {5, 8}} {
		name := []string{"env.dlopen", "env.dlsym", "env.dlclose", "wasi.thread-spawn",
			"wasix_32v1.dlopen", "wasix_32v1.closure_allocate"}[call[0]]
		h := newHost()
		h.put(64, "a")
		h.err = errFatal
		func() {
			defer func() {
				if r, _ := recover().(error); !errors.Is(r, errFatal) {
					t.Errorf("%s: %v", name, r)
				}
			}()
			h.run(name, call[1:]...)
		}()
	}
}

// A name without a slash is looked for in the given folders, in their order, and then as always.
func TestFolders(t *testing.T) {
	for _, test := range []struct {
		name, dirs string
		err        error
		opened     string
		want       uint32
	}{
		{"a.so", "x::y", nil, "x/a.so y/a.so a.so", errnoSuccess},
		{"b.so", "x:y", nil, "x/b.so y/b.so", errnoSuccess},
		{"/c.so", "x:y", nil, "/c.so", errnoNoExec},
		{"a.so", "x:y:z", nil, "", errnoNoExec},
		{"a.so", "x:y", errBusy, "x/a.so", errnoNoExec},
	} {
		h := newHost()
		h.files["a.so"], h.files["y/b.so"], h.err = 7, 7, test.err
		got := h.run("wasix_32v1.dlopen", h.put(64, test.name), uint32(len(test.name)), wasixNow,
			200, 40, h.put(128, test.dirs), uint32(len(test.dirs)), 300)
		if got != test.want || strings.Join(h.opened, " ") != test.opened {
			t.Errorf("%s in %q: %d, opened %q", test.name, test.dirs, got, h.opened)
		}
		if handle := binary.LittleEndian.Uint32(h.mem[300:]); (handle == 7) != (got == 0) {
			t.Errorf("%s in %q: handle %d", test.name, test.dirs, handle)
		}
	}
}

// A string that a module has given to guests stays until the module is unloaded.
func TestStringsStayWithTheirModule(t *testing.T) {
	h := newHost()
	a := &image.Module{ID: 3, Memory: spans.Span{Base: 512, Size: 64}}
	b := &image.Module{ID: 4}
	var files []uint32
	for _, m := range []*image.Module{a, b, a} {
		h.location = &Location{Module: m, File: "lib.so", Symbol: "f", Pointer: 600}
		if h.run("env.dladdr", 600, 64) != 1 {
			t.Fatal("dladdr found nothing")
		}
		word := func(i int) uint32 { return binary.LittleEndian.Uint32(h.mem[64+4*i:]) }
		files = append(files, word(0))
		want := m.Memory.Base
		if want == 0 {
			want = m.ID
		}
		if h.text(word(0)) != "lib.so" || word(1) != want || h.text(word(2)) != "f" ||
			word(3) != 600 {
			t.Errorf("dladdr: %v", h.mem[64:80])
		}
	}
	if files[0] != files[2] || files[0] == files[1] {
		t.Errorf("one string of each module: %v", files)
	}
	h.Forget(a)
	if _, ok := h.taken[files[1]]; !ok || len(h.taken) != 2 {
		t.Errorf("after module a is unloaded: %v", h.taken)
	}
	h.Forget(b)
	if len(h.taken) != 0 {
		t.Errorf("after both are unloaded: %v", h.taken)
	}
}

// dl_iterate_phdr shows every module until the callback wants no more, and gives its memory back.
func TestIteratePhdr(t *testing.T) {
	h := newHost()
	for i := range uint32(3) {
		h.snapshot.Search = append(h.snapshot.Search, &image.Module{ID: i + 1,
			File: fmt.Sprint("m", i), Joins: i == 1,
			Memory: spans.Span{Base: 512 * (i + 1), Size: 16}})
	}
	var seen []string
	stop := uint64(0)
	h.call = func(pointer uint32, args []uint64) ([]uint64, error) {
		info := h.mem[args[0]:]
		seen = append(seen, fmt.Sprintf("%d %d %d %d %s", pointer, args[1], args[2],
			binary.LittleEndian.Uint32(info), h.text(binary.LittleEndian.Uint32(info[4:]))))
		return []uint64{stop}, nil
	}
	if r := h.run("env.dl_iterate_phdr", 9, 11); r != 0 ||
		!slices.Equal(seen, []string{"9 40 11 512 m0", "9 40 11 1536 m2"}) {
		t.Errorf("%d, %q", r, seen)
	}
	seen, stop = nil, 5
	if r := h.run("env.dl_iterate_phdr", 9, 11); r != 5 || len(seen) != 1 {
		t.Errorf("stopped: %d, %q", r, seen)
	}
	if len(h.taken) != 2 { // the names of two modules
		t.Errorf("regions: %v", h.taken)
	}
}

// Error numbers of WASIX and of threads.
func TestErrorNumbers(t *testing.T) {
	for err, want := range map[error][2]int32{
		nil:                   {errnoSuccess, 1},
		errBusy:               {errnoBusy, -errnoBusy},
		errFull:               {errnoNoMem, -errnoAgain},
		errOne:                {errnoInval, -errnoNotSup},
		errors.New("another"): {errnoInval, -errnoAgain},
	} {
		h := newHost()
		h.err = err
		if n := h.run("wasix_32v1.closure_free", 5); n != uint32(want[0]) {
			t.Errorf("%v: closure_free returns %d, want %d", err, n, want[0])
		}
		if n := int32(h.run("wasi.thread-spawn", 1)); n != want[1] {
			t.Errorf("%v: thread-spawn returns %d, want %d", err, n, want[1])
		}
	}
}

// A closure gets the types that its numbers mean; numbers without a meaning, addresses outside of
// the memory and lists that are too long are refused.
func TestPrepareClosure(t *testing.T) {
	h := newHost()
	copy(h.mem[64:], []byte{0, 1, 2, 3, 4, 5})
	if n := h.run("wasix_32v1.closure_prepare", 8, 5, 64, 5, 65, 1, 99); n != errnoSuccess {
		t.Fatalf("error %d", n)
	}
	want := wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128},
		Results: []wasm.ValType{wasm.I64}}
	if tr := h.closures[5]; !tr.Type.Equal(want) || tr.Backing != 8 || tr.Data != 99 {
		t.Errorf("%+v", tr)
	}
	for _, c := range [][3]uint32{{64, 6, errnoInval}, {64, 1001, errnoInval},
		{4090, 7, errnoFault}, {1<<32 - 1, 2, errnoFault}} {
		if n := h.run("wasix_32v1.closure_prepare", 8, 6, c[0], c[1], 64, 0, 0); n != c[2] {
			t.Errorf("types at %d, %d of them: %d, want %d", c[0], c[1], n, c[2])
		}
	}
	if len(h.closures) != 1 {
		t.Errorf("%v", h.closures)
	}
}
