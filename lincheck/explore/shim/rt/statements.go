package rt

import (
	"math/rand/v2"
	"reflect"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// Instrumented notes that a package was instrumented.
func Instrumented(pkg string) { sched.Instrumented(pkg) }

// Go is go f().
func Go(f func()) {
	t := sched.Current()
	if t == nil {
		go f()
		return
	}
	child := t.Go("", f)
	t.Mark("go "+child.Name, "")
}

// Yield is runtime.Gosched, which is given so that its import stays used.
func Yield(gosched func()) func() {
	return func() {
		t := sched.Current()
		if t == nil {
			gosched()
			return
		}
		t.Point(sched.Op{Kind: sched.Yield, Name: "Gosched"})
	}
}

// Load is a plain read of *p.
func Load[T any](p *T) T {
	if t := sched.Current(); t != nil && p != nil {
		t.Access(unsafe.Pointer(p), false, func() string { return t.Show(*p) })
	}
	return *p
}

// Store is *p = v, written Store(p)(v).
func Store[T any](p *T) func(v T) {
	return func(v T) {
		if t := sched.Current(); t != nil && p != nil {
			t.Access(unsafe.Pointer(p), true, func() string { return t.Show(v) })
		}
		*p = v
	}
}

// MapRead notes that a map is read, and returns it.
func MapRead[M any](m M) M {
	if t := sched.Current(); t != nil {
		t.Access(mapAddr(m), false, nil)
	}
	return m
}

// MapWrite notes that a map is written, and returns it.
func MapWrite[M any](m M) M {
	if t := sched.Current(); t != nil {
		t.Access(mapAddr(m), true, nil)
	}
	return m
}

func mapAddr[M any](m M) unsafe.Pointer {
	if v := reflect.ValueOf(m); v.Kind() == reflect.Map {
		return v.UnsafePointer()
	}
	return nil
}

// realSelect is the select statement outside of the scheduler.
func realSelect(hasDefault bool, cases []Case) int {
	if hasDefault {
		for _, i := range shuffled(len(cases)) {
			if cases[i].real() {
				return i
			}
		}
		return -1
	}
	list := make([]reflect.SelectCase, len(cases))
	for i, c := range cases {
		list[i] = c.(reflected).reflect()
	}
	i, v, ok := reflect.Select(list)
	cases[i].(reflected).take(v, ok)
	return i
}

// reflected is a case in the form of package reflect.
type reflected interface {
	reflect() reflect.SelectCase
	take(v reflect.Value, ok bool)
}

func (r *RecvCase[T]) reflect() reflect.SelectCase {
	return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(r.ch)}
}

func (r *RecvCase[T]) take(v reflect.Value, ok bool) {
	reflect.ValueOf(&r.Value).Elem().Set(v)
	r.OK = ok
}

func (s *SendCase[T]) reflect() reflect.SelectCase {
	return reflect.SelectCase{Dir: reflect.SelectSend, Chan: reflect.ValueOf(s.ch),
		Send: reflect.ValueOf(&s.v).Elem()}
}

func (s *SendCase[T]) take(reflect.Value, bool) {}

func shuffled(n int) []int { return rand.Perm(n) }

// Wrote notes that *p is about to be written, in an assignment of several variables, and returns p.
func Wrote[T any](p *T) *T {
	if t := sched.Current(); t != nil && p != nil {
		t.Access(unsafe.Pointer(p), true, nil)
	}
	return p
}
