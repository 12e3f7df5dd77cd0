package sched

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"time"
	"unsafe"
)

// Row is an access in the trace of a run.
type Row struct {
	Task   *Task
	What   string // "Load"
	Object *Object
	Addr   unsafe.Pointer // of what was accessed; nil if it is not in memory
	Value  string         // what was read or written, what came of it
	File   string
	Line   int
	Switch bool    // another task made the step before
	Mark   bool    // one of the accesses that matter
	Plain  bool    // no scheduling point: an access that is checked only
	Waits  bool    // it could not be performed: the task waits for ever
	For    []*Task // who is waited for
	Op     bool    // the beginning or the end of an operation of the scenario
}

// Place is the file's name and the line.
func (r *Row) Place() string {
	if r.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.Base(r.File), r.Line)
}

// Tracing says whether the run is traced: else nothing has to be made for Value.
func (t *Task) Tracing() bool { return t.s.options.Trace && !t.s.over }

// Value notes what the operation that was just performed read, wrote or returned.
func (t *Task) Value(v ...any) {
	if !t.Tracing() {
		return
	}
	for i := len(t.s.rows) - 1; i >= 0; i-- {
		if r := &t.s.rows[i]; r.Task == t && !r.Plain {
			r.Value = ""
			for k, x := range v {
				_, outcome := x.(Outcome)
				switch {
				case k == 0:
				case outcome:
					r.Value += " "
				default:
					r.Value += ", "
				}
				r.Value += t.s.Show(x)
			}
			return
		}
	}
}

// Mark adds a row for the beginning or the end of an operation of the scenario.
func (t *Task) Mark(what, value string) {
	if t.Tracing() {
		t.s.addRow(t, Row{What: what, Value: value, Op: true})
	}
}

func (s *Sched) addRow(t *Task, r Row) {
	r.Task = t
	if r.Object != nil {
		r.Addr = r.Object.Addr
	}
	switch {
	case r.Op || t.system != nil:
	case r.Plain:
		r.File, r.Line = place()
	default:
		r.File, r.Line = t.file, t.line
	}
	s.rows = append(s.rows, r)
}

func (s *Sched) plainRow(t *Task, addr unsafe.Pointer, write bool, value func() string) int {
	r := Row{What: "read", Addr: addr, Plain: true}
	if write {
		r.What = "write"
	}
	if value != nil {
		r.Value = value()
	}
	s.addRow(t, r)
	return len(s.rows) - 1
}

// own is how the names of the functions begin that are not the code under test.
const own = "github.com/lockstep-wasm/lockstep/lincheck/explore/"

// place is where the code under test called.
func place() (file string, line int) {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		// By file, since functions that were inlined have the names of others.
		if !strings.Contains(f.File, "/lincheck/explore/shim/") &&
			!strings.HasPrefix(f.Function, own+"internal/sched.") &&
			!strings.HasPrefix(f.Function, "runtime.") {
			return f.File, f.Line
		}
		if !more {
			return "", 0
		}
	}
}

// Outcome is, among the values of an operation, what came of it.
type Outcome struct{ V any }

// Show is a value for people. Pointers have names that are the same in every run of a schedule.
func (s *Sched) Show(v any) (text string) {
	// The methods of values are not steps of the task, and may fail for values that are only looked
	// at here.
	me := s.cur.Swap(nil)
	defer func() {
		s.cur.Store(me)
		if recover() != nil {
			text = typeName(reflect.TypeOf(v))
		}
	}()
	return s.show(v)
}

func (s *Sched) show(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return fmt.Sprintf("%q", v)
	case error:
		return fmt.Sprintf("error %q", v.Error())
	case time.Duration:
		return v.String()
	case Outcome:
		return "→ " + s.show(v.V)
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		if r.IsNil() {
			return "nil"
		}
		return s.pointerName(r.UnsafePointer(), r)
	case reflect.Slice:
		return fmt.Sprintf("%s, length %d", typeName(r.Type()), r.Len())
	case reflect.Array, reflect.Struct:
		if _, ok := v.(fmt.Stringer); !ok {
			return typeName(r.Type())
		}
	}
	text := fmt.Sprintf("%+v", v)
	if len(text) > 60 {
		text = text[:57] + "..."
	}
	return text
}

// typeName is a type without the path of its package.
func typeName(t reflect.Type) string {
	text := t.String()
	if strings.ContainsAny(text, "[ {(") {
		return text
	}
	return text[strings.LastIndexAny(text, "./")+1:]
}

// Pointer is a pointer that the trace shows, with the name that it has there.
type Pointer struct {
	Name  string
	Value reflect.Value
}

func (s *Sched) pointerName(p unsafe.Pointer, v reflect.Value) string {
	if s.names == nil {
		s.names = map[unsafe.Pointer]string{}
	}
	name, ok := s.names[p]
	if !ok {
		name = fmt.Sprintf("%s#%d", strings.TrimPrefix(typeName(v.Type()), "*"), len(s.names)+1)
		s.names[p] = name
		s.pointers = append(s.pointers, Pointer{name, v})
	}
	return "&" + name
}

// Show is a value for people.
func (t *Task) Show(v any) string { return t.s.Show(v) }
