package dtor

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is the registry as a list of what is registered, the oldest first.
type model struct {
	of      []entry
	running [4][]int // of each thread
}

type entry struct {
	mod, thread int // thread 0: of the module alone
	handler     Handler
}

// take takes the last entry that is asked for.
func (m *model) take(which func(entry) bool) (entry, bool) {
	for i := len(m.of) - 1; i >= 0; i-- {
		if x := m.of[i]; which(x) {
			m.of = slices.Delete(m.of, i, i+1)
			return x, true
		}
	}
	return entry{}, false
}

// runs notes that a thread runs what it has taken.
func (m *model) runs(thread int, x entry, ok bool) {
	if ok {
		m.running[thread] = append(m.running[thread], x.mod)
	}
}

func (m *model) isRunning(mod int) bool {
	return slices.ContainsFunc(m.running[:],
		func(running []int) bool { return slices.Contains(running, mod) })
}

// Each destructor is handed out once, the last of a module or of a thread first, and none that was
// dropped: compared with a list, by random calls.
func TestRegistry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(0, 6).Draw(t, "most")
		x := New[int, int](most)
		var m model
		number := func(label string) int { return rapid.IntRange(1, 3).Draw(t, label) }
		count := func(which func(entry) bool) (n int) {
			for _, e := range m.of {
				if which(e) {
					n++
				}
			}
			return n
		}
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			mod, thread := number("module"), number("thread")
			h := Handler{Pointer: uint32(step)}
			ofMod := func(e entry) bool { return e.thread == 0 && e.mod == mod }
			ofThread := func(e entry) bool { return e.thread == thread }
			modules := []int{mod, mod%3 + 1}
			ofSome := func(e entry) bool { return ofThread(e) && slices.Contains(modules, e.mod) }
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0:
				if ok := x.Add(mod, h); ok != (count(ofMod) < most) {
					t.Fatalf("Add = %v with %d of %d", ok, count(ofMod), most)
				} else if ok {
					m.of = append(m.of, entry{mod, 0, h})
				}
			case 1:
				d := ThreadHandler[int]{Handler: h, Mod: mod}
				ok := x.AddThread(thread, d, func() bool { return false })
				if ok != (count(ofThread) < most) {
					t.Fatalf("AddThread = %v with %d of %d", ok, count(ofThread), most)
				} else if ok {
					m.of = append(m.of, entry{mod, thread, h})
				}
			case 2:
				got, ok := x.Pop(thread, mod)
				want, has := m.take(ofMod)
				m.runs(thread, want, has)
				if ok != has || got != want.handler {
					t.Fatalf("Pop = %v, %v, want %v, %v", got, ok, want.handler, has)
				}
			case 3:
				got, ok := x.PopThread(thread, nil)
				want, has := m.take(ofThread)
				m.runs(thread, want, has)
				if ok != has || got.Handler != want.handler || ok && got.Mod != want.mod {
					t.Fatalf("PopThread = %v, %v, want %v, %v", got, ok, want, has)
				}
			case 4:
				got, ok := x.PopThread(thread, modules)
				want, has := m.take(ofSome)
				m.runs(thread, want, has)
				if ok != has || got.Handler != want.handler || ok && got.Mod != want.mod {
					t.Fatalf("PopThread of %v = %v, %v, want %v, %v", modules, got, ok, want, has)
				}
			case 5:
				x.Drop(mod)
				m.of = slices.DeleteFunc(m.of, ofMod)
			case 6:
				all, dropped := rapid.Bool().Draw(t, "all"), mod
				if all {
					dropped = 0
					m.running[thread] = nil
				}
				x.DropThread(thread, dropped)
				m.of = slices.DeleteFunc(m.of,
					func(e entry) bool { return ofThread(e) && (all || e.mod == mod) })
			case 7:
				x.Done(thread)
				if n := len(m.running[thread]); n > 0 {
					m.running[thread] = m.running[thread][:n-1]
				}
			}
			if x.HasThread(thread, nil) != (count(ofThread) > 0) ||
				x.HasThread(thread, modules) != (count(ofSome) > 0) ||
				(x.First([]int{mod}) == mod) != (count(ofMod) > 0) {
				t.Fatalf("what there is of module %d and thread %d is not %v", mod, thread, m.of)
			}
			held := x.HeldBesides(thread)
			for other := 1; other <= 3; other++ {
				of := func(e entry) bool {
					return e.thread != 0 && e.thread != thread && e.mod == other
				}
				if held[other] != (count(of) > 0 || m.isRunning(other)) {
					t.Fatalf("module %d is held besides by thread %d: %v", other, thread,
						held[other])
				}
			}
		}
	})
}

// A thread that has ended registers nothing, and is not told so.
func TestEndedThread(t *testing.T) {
	x := New[int, int](1)
	if !x.AddThread(1, ThreadHandler[int]{Mod: 1}, func() bool { return true }) {
		t.Error("it is told")
	}
	if x.HasThread(1, nil) {
		t.Error("something is registered")
	}
}

// Destructors that are gone take no memory, however many there were, and the others keep their
// order.
func TestGoneTakesNoMemory(t *testing.T) {
	x := New[int, int](math.MaxInt)
	add := func(mod, n int) {
		h := ThreadHandler[int]{Mod: mod, Handler: Handler{Pointer: uint32(n)}}
		if !x.AddThread(1, h, func() bool { return false }) {
			t.Fatal("it is not registered")
		}
	}
	const n = 5
	for i := range n {
		add(1, i)
		for range 100 { // a library that comes and goes
			add(2, 0)
			x.DropThread(1, 2)
		}
	}
	if got := len(x.threads[1].order); got > 3*n+16 {
		t.Errorf("%d destructors are remembered, and there are %d", got, n)
	}
	for i := range n {
		if h, ok := x.PopThread(1, nil); !ok || h.Mod != 1 || h.Pointer != uint32(n-1-i) {
			t.Errorf("destructor %d: %+v, %v", n-1-i, h, ok)
		}
	}
	if x.HasThread(1, nil) {
		t.Error("something is left")
	}
}

// While destructors run, as many may be registered as the limit says, for whatever is counted, and
// as many as there is room for afterwards.
func TestLate(t *testing.T) {
	x := New[int, int](math.MaxInt)
	late, end := x.BeginLate(2)
	x.Count(late, []int{1}, 7)
	second, endSecond := x.BeginLate(5) // of two who count the first one does
	x.Count(second, []int{1, 2}, 7)
	add := func(mod int) bool { return x.Add(mod, Handler{}) }
	addThread := func() bool {
		return x.AddThread(7, ThreadHandler[int]{Mod: 1}, func() bool { return false })
	}
	if !add(1) || !addThread() || add(1) || addThread() {
		t.Error("not exactly two were registered")
	}
	for range 5 {
		if !add(2) {
			t.Error("module 2 shares the limit of module 1")
		}
	}
	if add(2) || !add(3) {
		t.Error("the limit is not that of what is counted")
	}
	end()
	endSecond()
	if !add(1) || !add(2) || !addThread() {
		t.Error("the limit goes on")
	}
}

// What is kept for the end of the program is returned once.
func TestFailure(t *testing.T) {
	x := New[int, int](1)
	x.Fail(nil)
	if err := x.Failure(); err != nil {
		t.Error(err)
	}
	x.Fail(errFirst)
	x.Fail(errSecond)
	if err := x.Failure(); err == nil || err.Error() != "first\nsecond" {
		t.Errorf("Failure = %v", err)
	}
	if err := x.Failure(); err != nil {
		t.Errorf("Failure = %v again", err)
	}
}

type testError string

func (e testError) Error() string { return string(e) }

const errFirst, errSecond = testError("first"), testError("second")
