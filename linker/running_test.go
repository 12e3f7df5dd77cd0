package linker_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// endsThreadIn is a library whose touch registers a destructor of thread-local data, which logs,
// calls env.host_call, and logs again.
func endsThreadIn(t testing.TB, log int32) []byte {
	return library(t, dylink.Info{MemorySize: 16, TableSize: 1}, func(b *wasm.Builder) {
		host := b.ImportFunc("env", "host_call", b.Type(nil, nil))
		register := b.ImportFunc("env", "__cxa_thread_atexit_impl",
			b.Type([]wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, i32))
		appendLog := b.ImportFunc("env", "log_append", b.Type(i32, nil))
		base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
		data := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
		functions := b.ImportTable("env", "__indirect_function_table", table(1))
		b.ActiveFuncs(functions, wasm.ConstGlobal(base),
			b.Func(b.Type(i32, nil), nil, new(wasm.Code).
				I32Const(log).Call(appendLog).Call(host).I32Const(log+1).Call(appendLog)))
		b.ExportFunc("touch", b.Func(b.Type(nil, i32), nil, new(wasm.Code).
			GlobalGet(base).I32Const(0).GlobalGet(data).Call(register)))
	})
}

// A library is not unloaded under a destructor of it that runs in another group, although nothing
// else holds it: it goes when that group has come back.
func TestRunningDestructorHoldsItsLibrary(t *testing.T) {
	s := &stopped{group: 1, in: make(chan struct{}), goOn: make(chan struct{})}
	i := newImageIn(t, hostCall(t, s.call), "main-pie", "threads", nil)
	goOn := sync.OnceFunc(func() { close(s.goOn) })
	t.Cleanup(goOn) // also when the test has failed: the image is closed then
	ends := i.spawn()
	lib := i.openBytes("ends", endsThreadIn(t, 10))
	ends.want(0, lib, "touch")
	done := make(chan error, 1)
	go func() { done <- ends.g.Close(i.ctx) }()
	watchdog(t, "the destructor", func() { <-s.in })
	watchdog(t, "CloseLibrary", func() { i.closeLibrary(lib) })
	if got := i.l.Libraries(); !slices.Equal(got, []string{"ends"}) {
		t.Errorf("libraries while its destructor runs: %v", got)
	}
	goOn()
	watchdog(t, "Close", func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	i.wantLog(10, 11)
	i.wantLibraries()
}
