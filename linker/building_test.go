package linker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// The start functions of a group see the image that the group is built from, whatever is freed
// meanwhile. Here one registers a destructor by a closure: the library whose function the closure
// holds stays loaded for it.
func TestBuiltGroupSeesOneImage(t *testing.T) {
	stop := newGate(linker.Points.Build, anyGroup)
	i := newImageIn(t, newRuntime(t), "main-pie", "threads", stop.configure)
	other := i.spawn()
	slot, err := other.g.AllocateClosure(i.ctx)
	if err != nil {
		t.Fatal(err)
	}
	// While the closure is empty, the destructors of this group and of other are the main module's.
	_, err = i.g.OpenBytes(i.ctx, "starts",
		library(t, dylink.Info{MemorySize: 16}, func(b *wasm.Builder) {
			f := b.ImportFunc("env", "__cxa_thread_atexit",
				b.Type([]wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, i32))
			b.Start(b.Func(b.Type(nil, nil), nil,
				new(wasm.Code).I32Const(int32(slot)).I32Const(0).I32Const(0).Call(f).Drop()))
		}))
	if err != nil {
		t.Fatal(err)
	}
	lib := i.open("counter")
	if err := other.g.SetClosure(i.ctx, slot, lib, "counter_next"); err != nil {
		t.Fatal(err)
	}
	stop.armed.Store(true)
	built := make(chan error, 1)
	go func() {
		_, err := i.g.Spawn(i.ctx)
		built <- err
	}()
	<-stop.reached
	freed := other.g.FreeClosure(i.ctx, slot)
	close(stop.goOn)
	if err := <-built; err != nil || freed != nil {
		t.Fatalf("Spawn: %v; FreeClosure: %v", err, freed)
	}
	if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
		t.Fatal(err)
	}
	if libraries := i.l.Libraries(); !slices.Contains(libraries, "libcounter.wasm") {
		t.Errorf("the new group's destructor does not keep its library: %v", libraries)
	}
	var destructor *linker.DestructorError // the closure is empty when the groups end
	if err := i.l.Close(i.ctx); !errors.As(err, &destructor) {
		t.Errorf("Close: %v", err)
	}
}
