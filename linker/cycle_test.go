package linker_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// heapPerCycle is how much Go heap one cycle of [TestCycles] may keep, in bytes.
const heapPerCycle = 32 << 10

// Libraries are opened, used and closed over and over, from four groups in turn: what the linker
// keeps ends where it began, and what Go's heap keeps is bounded.  What does stay is wazero's: a
// table keeps every instance that ever imported it, for as long as the table itself lives, because
// the functions in it might be that instance's. So each group keeps, for every library that was
// loaded and unloaded, a closed instance of it, of its import shims and of what puts its functions
// into tables, but not their code: the linker compiles equal modules once (see
// [linker.Config.WithCodeCache]), and the instances share it. Hence nothing is compiled in the
// cycles, either.
func TestCycles(t *testing.T) {
	cycles := 10000
	if testing.Short() || raceEnabled {
		cycles = 500
	}
	b := newBooks(newRuntime(t))
	i := newImageIn(t, b, "main-pie", "threads", nil)
	all := []*image{i, i.spawn(), i.spawn(), i.spawn()}
	uses := []struct {
		name string
		use  func(i *image, lib *linker.Library)
	}{
		{"counter", func(i *image, lib *linker.Library) { i.want(101, lib, "counter_next") }},
		{"fnptr", func(i *image, lib *linker.Library) {
			if got := i.unary(i.symbol(lib, "fnptr_unreferenced"), 1); got != 4 {
				i.Errorf("fnptr_unreferenced(1) = %d", got)
			}
		}},
		{"data", func(i *image, lib *linker.Library) { i.want(1003, lib, "data_call", 2, 3) }},
		{"chain_a", func(i *image, lib *linker.Library) { i.want(721, lib, "chain_a", 4) }},
		{"tls", func(i *image, lib *linker.Library) { i.want(501, lib, "tls_next") }},
	}
	cycle := func(n int) {
		leader, user := all[n%len(all)], all[(n/len(all))%len(all)]
		u := uses[n%len(uses)]
		lib := leader.open(u.name)
		u.use(user, lib)
		i.call(linker.Default, "log_clear")
		if err := user.g.CloseLibrary(i.ctx, lib); err != nil {
			t.Fatal(err)
		}
	}
	books := func() []string {
		instances, _ := b.open()
		return append(i.l.Snapshot(i.ctx),
			fmt.Sprintf("%d instances, %d goroutines", instances, goroutines()),
			fmt.Sprintf("table of %d entries", i.l.TableLength()),
			fmt.Sprintf("memory of %d bytes", i.l.Memory().Size()))
	}
	for n := range 100 { // the caches fill, the heap finds its size
		cycle(n)
	}
	before, compiled := books(), b.compilations()
	var middle uint64
	for n := range cycles {
		if n == cycles/2 {
			middle = heap()
		}
		cycle(n)
	}
	grown := int64(heap()) - int64(middle)
	t.Logf("%d cycles, %d bytes of heap per cycle", cycles, grown/int64(cycles-cycles/2))
	if n := b.compilations() - compiled; n != 0 {
		t.Errorf("%d modules were compiled again", n)
	}
	if after := books(); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
	if per := grown / int64(cycles-cycles/2); per > heapPerCycle {
		t.Errorf("a cycle keeps %d bytes of Go's heap, more than %d", per, heapPerCycle)
	}
}

// heap returns how much of Go's heap is in use, after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
