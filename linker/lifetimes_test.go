package linker_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// gate stops the linker's work once at a point, when it is armed.
type gate struct {
	point         string
	in            func(g *linker.Group) bool
	armed         atomic.Bool
	reached, goOn chan struct{}
}

func newGate(point string, in func(g *linker.Group) bool) *gate {
	return &gate{point: point, in: in, reached: make(chan struct{}), goOn: make(chan struct{})}
}

func (s *gate) configure(c *linker.Config) *linker.Config {
	return c.WithHook(func(_ context.Context, g *linker.Group, point string) error {
		if point == s.point && s.in(g) && s.armed.CompareAndSwap(true, false) {
			close(s.reached)
			<-s.goOn
		}
		return nil
	})
}

func anyGroup(*linker.Group) bool { return true }

// await waits until something holds that another goroutine is about to make true.
func await(holds func() bool) {
	for !holds() {
		runtime.Gosched()
	}
}

// A leader that is ended from outside while it works keeps its locks until it has taken its work
// back: what others commit is not overwritten.
func TestLeaderEndedWhileItWorks(t *testing.T) {
	stop := newGate(linker.Points.Instantiate,
		func(g *linker.Group) bool { return g != nil && g.Thread() != 0 })
	threadOpened := make(chan error, 1)
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		stop.armed.Store(true)
		_, err := g.Open(ctx, "libdiamond_top.wasm")
		threadOpened <- err
	})
	queued := make(chan int, 1024)
	i := newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return stop.configure(c).WithObserver(func(e coord.Event) {
			if e.Step.Action == protocol.ActRequestLease {
				queued <- int(e.Step.Group)
			}
		})
	})
	thread := i.open("thread")
	runs, err := i.g.OpenBytes(i.ctx, "runs",
		library(t, dylink.Info{MemorySize: 16}, func(b *wasm.Builder) {
			host := b.ImportFunc("env", "host_call", b.Type(nil, nil))
			b.ExportFunc("runs",
				b.Func(b.Type(i32, i32), nil, new(wasm.Code).Call(host).I32Const(0)))
		}))
	if err != nil {
		t.Fatal(err)
	}
	if i.call(thread, "thread_create", int32(i.symbol(runs, "runs")), 0) == 0 {
		t.Fatal("no thread")
	}
	<-stop.reached // the thread leads an operation and has both locks
	for len(queued) > 0 {
		<-queued
	}
	opened := make(chan error, 1)
	go func() {
		_, err := i.g.Open(i.ctx, "libcounter.wasm")
		opened <- err
	}()
	<-queued // it waits for the lease
	ctx, cancel := context.WithCancel(i.ctx)
	closed := make(chan error, 1)
	go func() { closed <- i.l.Close(ctx) }()
	leader := i.l.Groups()[1]
	await(leader.Dying)
	cancel()
	if err := <-closed; !errors.Is(err, context.Canceled) {
		t.Errorf("Close: %v, want the context's error", err)
	}
	select {
	case err := <-opened:
		t.Errorf("another group's operation has ended before the dead leader's goroutine has let "+
			"go: %v", err)
	default:
	}
	close(stop.goOn)
	if err := <-threadOpened; !errors.Is(err, linker.ErrGroupClosed) &&
		!errors.Is(err, linker.ErrClosed) {
		t.Errorf("the dead leader's Open: %v", err)
	}
	if err := <-opened; err != nil {
		t.Errorf("Open: %v", err)
	}
	i.wait()
	i.open("chain_a")
	if libraries := i.l.Libraries(); !slices.Contains(libraries, "libcounter.wasm") ||
		slices.Contains(libraries, "libdiamond_top.wasm") {
		t.Errorf("libraries: %v", libraries)
	}
}

// An exit ends a group that is being built, in order: the spawn fails, and leaves nothing.
func TestExitWhileBuilding(t *testing.T) {
	for _, point := range []string{linker.Points.Stack, linker.Points.Added, linker.Points.Build,
		linker.Points.Built} {
		t.Run(point, func(t *testing.T) {
			stop := newGate(point, anyGroup)
			i := newImage(t, "main-pie", "threads", stop.configure)
			lib := i.open("thread")
			// there has been a thread
			i.want(50, lib, "thread_run", i.call(lib, "thread_function", threadAdd), 50, 1)
			i.wait()
			other := i.spawn()
			stop.armed.Store(true)
			spawned := make(chan error, 1)
			go func() {
				g, err := i.g.Spawn(i.ctx)
				if (g == nil) == (err == nil) {
					t.Errorf("group %v, error %v", g, err)
				}
				spawned <- err
			}()
			<-stop.reached
			exit := (*sys.ExitError)(nil)
			if _, err := other.try(lib, "thread_exit", 7); !errors.As(err, &exit) ||
				exit.ExitCode() != 7 {
				t.Errorf("the exit: %v", err)
			}
			close(stop.goOn)
			if err := <-spawned; !errors.Is(err, linker.ErrGroupClosed) {
				t.Errorf("Spawn: %v, want ErrGroupClosed", err)
			}
			if err := i.l.Close(i.ctx); err != nil {
				t.Errorf("Close: %v", err)
			}
			if groups := i.l.Groups(); len(groups) > 0 {
				t.Errorf("%d groups are left", len(groups))
			}
		})
	}
}

// A group that is added while the linker closes is closed as well.
func TestCloseWhileBuilding(t *testing.T) {
	for _, point := range []string{linker.Points.Added, linker.Points.Build, linker.Points.Built} {
		t.Run(point, func(t *testing.T) {
			stop := newGate(point, anyGroup)
			i := newImage(t, "main-pie", "threads", stop.configure)
			other := i.spawn()
			stop.armed.Store(true)
			spawned := make(chan error, 1)
			go func() {
				_, err := other.g.Spawn(i.ctx)
				spawned <- err
			}()
			<-stop.reached
			closed := make(chan error, 1)
			go func() { closed <- i.l.Close(i.ctx) }()
			await(i.g.Dying)
			close(stop.goOn)
			<-spawned // it may have been early enough
			if err := <-closed; err != nil {
				t.Errorf("Close: %v", err)
			}
			if groups := i.l.Groups(); len(groups) > 0 {
				t.Errorf("%d groups are left", len(groups))
			}
		})
	}
}

// Close does not close the instances of an idle group while a leader replays an operation in it.
func TestCloseDuringReplay(t *testing.T) {
	var i *image
	var open int
	stop := newGate(linker.Points.Replay, func(g *linker.Group) bool { return g.ID() == 0 })
	i = newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return stop.configure(c)
	})
	other := i.spawn()
	before := i.g.Instances()
	stop.armed.Store(true)
	opened := make(chan error, 1)
	go func() {
		_, err := other.g.Open(i.ctx, "libdiamond_top.wasm")
		opened <- err
	}()
	<-stop.reached // group 0 is idle, and the goroutine of the other group works in it
	closed := make(chan error, 1)
	go func() { closed <- i.l.Close(i.ctx) }()
	await(i.g.Dying)
	if open = i.g.Instances(); open != before {
		t.Errorf("%d of %d instances are open while an operation is replayed in them", open, before)
	}
	close(stop.goOn)
	if err := <-opened; err != nil && !errors.Is(err, linker.ErrClosed) &&
		!errors.Is(err, linker.ErrGroupClosed) {
		t.Errorf("Open: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
}

// The same without gates, for the race detector.
func TestCloseWhileOthersOpen(t *testing.T) {
	for range 10 {
		i := newImage(t, "main-pie", "threads", nil)
		var wg, begun sync.WaitGroup
		begun.Add(2)
		for _, g := range []*image{i.spawn(), i.spawn()} {
			wg.Go(func() {
				once := sync.OnceFunc(begun.Done)
				defer once()
				for {
					lib, err := g.g.Open(i.ctx, "libdiamond_top.wasm")
					once()
					if err != nil || g.g.CloseLibrary(i.ctx, lib) != nil {
						return
					}
				}
			})
		}
		begun.Wait()
		if err := i.l.Close(i.ctx); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}

// Groups close at the same time, while another one's guest lets the memory grow: for the race
// detector, which sees what the engine shares.
func TestGroupsCloseTogether(t *testing.T) {
	for range 5 {
		i := newImage(t, "main-pie", "threads", nil)
		a, b, c := i.spawn(), i.spawn(), i.spawn()
		var wg sync.WaitGroup
		start := make(chan struct{})
		for _, g := range []*image{a, b} {
			wg.Go(func() {
				<-start
				if err := g.g.Close(i.ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			<-start
			for range 20 {
				if r, err := c.try(linker.Default, "malloc", 1<<18); err != nil || r == 0 {
					t.Errorf("malloc: %d, %v", r, err)
				}
			}
		})
		close(start)
		wg.Wait()
	}
}

// Closures are freed while groups are built whose start functions look at the records: for the race
// detector.
func TestSpawnWhileClosuresAreFreed(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	_, err := i.g.OpenBytes(i.ctx, "starts",
		library(t, dylink.Info{MemorySize: 16}, func(b *wasm.Builder) {
			f := b.ImportFunc("env", "__cxa_thread_atexit",
				b.Type([]wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, i32))
			b.Start(b.Func(b.Type(nil, nil), nil,
				new(wasm.Code).I32Const(0).I32Const(0).I32Const(0).Call(f).Drop()))
		}))
	if err != nil {
		t.Fatal(err)
	}
	other := i.spawn()
	var slots []uint32
	for range 20 {
		slot, err := other.g.AllocateClosure(i.ctx)
		if err == nil {
			err = other.g.SetClosure(i.ctx, slot, linker.Default, "main_twice")
		}
		if err != nil {
			t.Fatal(err)
		}
		slots = append(slots, slot)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, slot := range slots {
			if err := other.g.FreeClosure(i.ctx, slot); err != nil {
				t.Error(err)
			}
		}
	})
	var children []*linker.Group
	wg.Go(func() {
		for range 3 {
			g, err := i.g.Spawn(i.ctx)
			if err != nil {
				t.Error(err)
				return
			}
			children = append(children, g)
		}
	})
	wg.Wait()
	for _, g := range children {
		for _, slot := range slots {
			if _, err := g.CallPointer(i.ctx, slot, unaryType, unaryType, 1); !errors.As(err,
				new(*linker.PointerError)) {
				t.Errorf("group %d: closure %d, which was freed: %v", g.ID(), slot, err)
			}
		}
	}
	var destructor *linker.DestructorError // there is none at pointer 0
	if err := i.l.Close(i.ctx); !errors.As(err, &destructor) {
		t.Errorf("Close: %v", err)
	}
}
