package linker_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Flags of dlopen.
const (
	rtldLazy     = 1
	rtldNow      = 2
	rtldNoLoad   = 4
	rtldGlobal   = 256
	rtldNoDelete = 4096
)

// cString puts a string of C into the guest's memory.
func (i *image) cString(s string) int32 {
	i.Helper()
	p := i.call(linker.Default, "malloc", int32(len(s)+1))
	b, ok := i.l.View(uint32(p), uint32(len(s)+1))
	if !ok {
		i.Fatalf("malloc: %#x", p)
	}
	b[copy(b, s)] = 0
	return p
}

// goString reads a string of C; "" for the null pointer.
func (i *image) goString(p int32) string {
	i.Helper()
	var s []byte
	for a := uint32(p); p != 0; a++ {
		b, ok := i.l.View(a, 1)
		if !ok {
			i.Fatalf("no string at %#x", p)
		}
		if b[0] == 0 {
			break
		}
		s = append(s, b[0])
	}
	return string(s)
}

// dlfcn is <dlfcn.h> as libdlfcn calls it in one group.
type dlfcn struct {
	*image
	lib *linker.Library
}

func (d dlfcn) openFile(name string, flags int32) int32 {
	d.Helper()
	return d.call(d.lib, "dlfcn_open", d.cString(name), flags)
}

func (d dlfcn) find(handle int32, name string) int32 {
	d.Helper()
	return d.call(d.lib, "dlfcn_symbol", handle, d.cString(name))
}

func (d dlfcn) closeHandle(handle int32) int32 {
	d.Helper()
	return d.call(d.lib, "dlfcn_close", handle)
}

func (d dlfcn) lastError() string {
	d.Helper()
	return d.goString(d.call(d.lib, "dlfcn_error"))
}

// wantError fails the test unless the last error, which this forgets, has a part.
func (d dlfcn) wantError(part string) {
	d.Helper()
	if got := d.lastError(); got == "" || !strings.Contains(got, part) {
		d.Errorf("dlerror: %q, want %q", got, part)
	}
	if again := d.lastError(); again != "" {
		d.Errorf("dlerror a second time: %q", again)
	}
}

// eachDl runs a test with <dlfcn.h> as the linker has it, and as libdl has it on top of WASIX.
func eachDl(t *testing.T, f func(t *testing.T, d dlfcn)) {
	eachMain(t, func(t *testing.T, i *image) {
		t.Run("env", func(t *testing.T) { f(t, dlfcn{i, i.open("dlfcn")}) })
	})
	for _, m := range mains {
		t.Run(m.name+"/wasix", func(t *testing.T) {
			i := newImage(t, m.name, m.libs, nil)
			i.open("dl")
			f(t, dlfcn{i, i.open("dlfcn")})
		})
	}
}

func TestDlopen(t *testing.T) {
	eachDl(t, func(t *testing.T, d dlfcn) {
		counter := d.openFile("libcounter.wasm", rtldNow)
		if counter == 0 {
			t.Fatalf("dlopen: %s", d.lastError())
		}
		if again := d.openFile("libcounter.wasm", rtldLazy|rtldGlobal); again != counter {
			t.Errorf("opened again: %d, want %d", again, counter)
		}
		if sym, err := d.g.Symbol(d.ctx, linker.Default, "counter_next"); err != nil ||
			sym.Kind != linker.Function {
			t.Errorf("opened as global: %v, %v", sym, err)
		}
		next := d.find(counter, "counter_next")
		if want := d.symbol(linker.Default, "counter_next"); uint32(next) != want {
			t.Errorf("dlsym: %d, want %d", next, want)
		}
		if address := d.find(0, "main_value"); uint32(address) != d.symbol(linker.Default,
			"main_value") {
			t.Errorf("dlsym of data: %#x", address)
		}
		self := d.call(d.lib, "dlfcn_open", 0, rtldNow)
		if got := d.find(self, "main_twice"); got != d.find(0, "main_twice") || got == 0 {
			t.Errorf("dlsym in the image: %d", got)
		}
		d.want(101, d.lib, "dlfcn_count")
		if s := d.lastError(); s != "" {
			t.Errorf("dlerror without an error: %q", s)
		}
	})
}

func TestDlopenErrors(t *testing.T) {
	eachDl(t, func(t *testing.T, d dlfcn) {
		before := d.l.Libraries()
		if h := d.openFile("libnowhere.wasm", rtldNow); h != 0 {
			t.Errorf("dlopen of nothing: %d", h)
		}
		d.wantError("libnowhere.wasm")
		if h := d.openFile("libtrap_ctor.wasm", rtldNow); h != 0 {
			t.Errorf("dlopen of what traps: %d", h)
		}
		d.wantError("libtrap_ctor.wasm")
		if p := d.find(0, "nowhere"); p != 0 {
			t.Errorf("dlsym of nothing: %d", p)
		}
		d.wantError("nowhere")
		for _, handle := range []int32{77, -2} {
			if p := d.find(handle, "main_twice"); p != 0 {
				t.Errorf("dlsym in no library: %d", p)
			}
			d.wantError("not the handle")
			if r := d.closeHandle(handle); r != -1 {
				t.Errorf("dlclose of no library: %d", r)
			}
			d.wantError("not the handle")
		}
		if after := d.l.Libraries(); !slices.Equal(before, after) {
			t.Errorf("libraries: %v, before %v", after, before)
		}
	})
}

// What only the linker's own functions do: closing, and errors of C itself.
func TestDlclose(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		d := dlfcn{i, i.open("dlfcn")}
		counter := d.openFile("libcounter.wasm", rtldNow)
		d.openFile("libcounter.wasm", rtldNow)
		for range 2 {
			if r := d.closeHandle(counter); r != 0 {
				t.Fatalf("dlclose: %d, %s", r, d.lastError())
			}
		}
		if got := i.l.Libraries(); !slices.Equal(got, []string{"libdlfcn.wasm"}) {
			t.Errorf("libraries: %v", got)
		}
		if r := d.closeHandle(counter); r != -1 {
			t.Errorf("dlclose once too often: %d", r)
		}
		d.wantError("not the handle")
		if r := d.closeHandle(d.call(d.lib, "dlfcn_open", 0, rtldNow)); r != 0 {
			t.Errorf("dlclose of the image: %d", r)
		}
		d.want(101, d.lib, "dlfcn_count")
		if h := d.openFile("libcounter.wasm", rtldNow); h == counter || h == 0 {
			t.Errorf("a handle was used again: %d", h)
		}
		for _, flags := range []int32{0, rtldGlobal, rtldNow | 1<<20} {
			if h := d.openFile("libcounter.wasm", flags); h != 0 {
				t.Errorf("dlopen with flags %#x: %d", flags, h)
			}
			d.wantError("flags")
		}
		if h := d.call(d.lib, "dlfcn_open", -1, rtldNow); h != 0 {
			t.Errorf("dlopen with no name: %d", h)
		}
		d.wantError("not in memory")
	})
}

// RTLD_NEXT finds the definition behind the caller's own, for functions that wrap others.
func TestDlsymNext(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("dlfcn")
		i.want(-1, lib, "weak_defined", 5)
		i.open("strong")
		i.want(1007, lib, "weak_defined", 5)
	})
}

// A constructor loads libraries as part of its own load; one that does not exist does no harm. What
// it closes again is unloaded when the load is complete.
func TestDlopenInConstructor(t *testing.T) {
	for _, m := range mains {
		for _, groups := range []int{1, 4} {
			if groups > 1 && !m.groups {
				continue
			}
			t.Run(m.name, func(t *testing.T) {
				i := newImage(t, m.name, m.libs, nil)
				all := []*image{i}
				for range groups - 1 {
					all = append(all, i.spawn())
				}
				lib := i.open("dl_ctor")
				if got := i.l.Libraries(); !slices.Equal(got, []string{"libdl_ctor.wasm"}) {
					t.Errorf("libraries: %v", got)
				}
				counter := i.open("counter")
				for k, g := range all {
					g.want(101, lib, "dl_ctor_value")
					g.want(1, lib, "dl_ctor_failed")
					g.want(0, lib, "dl_ctor_closed")
					g.want(int32(101+k), counter, "counter_next")
				}
			})
		}
	}
}

// Four groups open, look up and close the same libraries; the handles and pointers agree.
func TestDlopenInGroups(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("dlfcn")
	groups := []*image{i, i.spawn(), i.spawn(), i.spawn()}
	pointers := make([][]int32, len(groups))
	var wg sync.WaitGroup
	for k, g := range groups {
		name, symbol := g.cString("libmanyfn.wasm"), g.cString("manyfn_address")
		wg.Go(func() {
			for range 20 {
				handle, err := g.try(lib, "dlfcn_open", name, rtldNow)
				if err != nil || handle == 0 {
					t.Errorf("dlopen: %d, %v", handle, err)
					return
				}
				pointer, err := g.try(lib, "dlfcn_symbol", handle, symbol)
				if err != nil {
					t.Error(err)
				}
				pointers[k] = append(pointers[k], handle, pointer)
				if k == 0 { // another group keeps it
					continue
				}
				if r, err := g.try(lib, "dlfcn_close", handle); r != 0 || err != nil {
					t.Errorf("dlclose: %d, %v", r, err)
				}
			}
		})
	}
	wg.Wait()
	// Until the first group has it open for good, it may have been unloaded and loaded again.
	last := pointers[0][len(pointers[0])-2:]
	for _, g := range groups {
		if h := g.call(lib, "dlfcn_open", g.cString("libmanyfn.wasm"), rtldNow); h != last[0] {
			t.Errorf("handle %d, want %d", h, last[0])
		}
	}
}

// Each group has its own dlerror.
func TestDlerrorPerGroup(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("dlfcn")
	a, b := dlfcn{i, lib}, dlfcn{i.spawn(), lib}
	a.openFile("liba-nowhere.wasm", rtldNow)
	b.openFile("libb-"+strings.Repeat("long", 100)+".wasm", rtldNow)
	a.wantError("liba-nowhere")
	b.wantError("longlong")
	b.openFile("libb-short.wasm", rtldNow)
	b.wantError("libb-short")
}

// A replayed start function that calls dlopen gets an error, and no goroutine waits for another.
func TestDlopenInReplay(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	i.spawn()
	name := i.cString("libcounter.wasm")
	starts := library(t, dylink.Info{}, func(b *wasm.Builder) {
		open := b.ImportFunc("env", "dlopen", b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32))
		log := b.ImportFunc("env", "log_append", b.Type(i32, nil))
		b.Start(b.Func(b.Type(nil, nil), nil, new(wasm.Code).
			I32Const(name).I32Const(rtldNow).Call(open).I32Eqz().Call(log)))
	})
	if _, err := i.g.OpenBytes(i.ctx, "starts", starts); err != nil {
		t.Fatal(err)
	}
	// opened by the leader, refused in the replay
	if got := i.log(); !slices.Equal(got, []int32{0, 1}) {
		t.Errorf("log: %v", got)
	}
	i.want(101, i.open("counter"), "counter_next")
}
