package explore

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"strings"
	"unicode"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// Finding is a run that went wrong, as simple as it could be made.
type Finding struct {
	result   *sched.Result
	scenario string // the operations, if there are any: several lines
	verdict  string // more about what is wrong
	replay   string // the value of the environment variable that repeats it
	command  string // the shell command that repeats it
	root     any    // what was tested: its fields give the addresses in the trace their names
}

// Kind is what went wrong: broken, panic, deadlock, livelock, leak, race, diverged or not linearizable.
func (f *Finding) Kind() string { return string(f.result.Failure.Kind) }

// Message says it in a line.
func (f *Finding) Message() string { return f.result.Failure.Message }

// cell is an entry of the table: what one goroutine did in one step.
type cell struct {
	Column int
	What   string // "head.Load → 3"
	Place  string // "queue.go:17"
	Source string // the line of the source
	Switch bool   // another goroutine made the step before
	Mark   bool
	Op     bool // an operation begins or ends
	Waits  bool
}

// lane is a column.
type lane struct{ Name string }

// lanes are the tasks that did something.
func (f *Finding) lanes() (lanes []lane, column map[*sched.Task]int) {
	column = map[*sched.Task]int{}
	for _, t := range f.result.Tasks {
		for i := range f.result.Rows {
			if f.result.Rows[i].Task == t && f.result.Rows[i].What != "start" {
				column[t] = len(lanes)
				lanes = append(lanes, lane{t.Name})
				break
			}
		}
	}
	return lanes, column
}

// cells are the rows of the table. Plain accesses are among them if several goroutines use the variable and
// one of them writes it.
func (f *Finding) cells() (lanes []lane, cells []cell) {
	lanes, column := f.lanes()
	names := newNamer(f)
	users := map[unsafe.Pointer]uint64{} // bits: tasks that use an address
	written := map[unsafe.Pointer]bool{}
	for i := range f.result.Rows {
		r := &f.result.Rows[i]
		users[r.Addr] |= 1 << column[r.Task]
		written[r.Addr] = written[r.Addr] || r.What == "write"
	}
	sources := &sourceLines{}
	var last *sched.Task
	for i := range f.result.Rows {
		r := &f.result.Rows[i]
		alone := users[r.Addr]&(users[r.Addr]-1) == 0
		if r.What == "start" || r.Plain && !r.Mark && (alone || !written[r.Addr]) {
			continue
		}
		c := cell{Column: column[r.Task], Place: r.Place(), Mark: r.Mark, Op: r.Op,
			Switch: last != nil && last != r.Task, What: r.What}
		last = r.Task
		c.Source = sources.line(r.File, r.Line)
		if r.Addr != nil && !r.Op {
			name := names.of(r, c.Source)
			if c.What = name + "." + r.What; r.Plain {
				c.What = r.What + " " + name
			}
		}
		if r.Value != "" {
			if looks[r.What] {
				c.What += " →"
			}
			c.What += " " + r.Value
		}
		if c.Waits = r.Waits; c.Waits {
			c.What = "waits: " + c.What
			for i, t := range r.For {
				c.What += []string{", which ", " and "}[min(i, 1)] + t.Name
			}
			if len(r.For) > 0 {
				c.What += " " + map[bool]string{true: "holds", false: "hold"}[len(r.For) == 1]
			}
		}
		cells = append(cells, c)
	}
	return lanes, cells
}

// looks are the operations whose value is what they found.
var looks = map[string]bool{"Load": true, "read": true, "receive": true, "received": true, "Err": true,
	"TryLock": true, "TryRLock": true, "Get": true, "len": true}

// sourceLines reads lines of source files.
type sourceLines struct{ files map[string][]string }

func (s *sourceLines) line(file string, n int) string {
	if file == "" {
		return ""
	}
	lines, ok := s.files[file]
	if !ok {
		if f, err := os.Open(file); err == nil {
			for scan := bufio.NewScanner(f); scan.Scan(); {
				lines = append(lines, scan.Text())
			}
			f.Close()
		}
		if s.files == nil {
			s.files = map[string][]string{}
		}
		s.files[file] = lines
	}
	if n < 1 || n > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[n-1])
}

// namer finds names for addresses: fields of what was tested, and of what pointers in the trace point to.
type namer struct{ names map[unsafe.Pointer]string }

func newNamer(f *Finding) *namer {
	n := &namer{names: map[unsafe.Pointer]string{}}
	if f.root != nil {
		n.walk(reflect.ValueOf(f.root), "", 0)
	}
	for _, p := range f.result.Pointers {
		if p.Value.Kind() == reflect.Pointer {
			n.walk(p.Value.Elem(), p.Name, 0)
		}
	}
	return n
}

const (
	namerDepth = 6
	namerElems = 16
)

// walk names the parts of a value.
func (n *namer) walk(v reflect.Value, name string, depth int) {
	if !v.IsValid() || depth > namerDepth {
		return
	}
	shim := strings.Contains(v.Type().PkgPath(), "lincheck/explore/shim/")
	if v.CanAddr() && name != "" {
		// A struct has the address of its first field, which is the better name.
		if _, ok := n.names[v.Addr().UnsafePointer()]; !ok || v.Kind() != reflect.Struct || shim {
			n.names[v.Addr().UnsafePointer()] = name
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && (name == "" || depth < namerDepth) {
			if e := v.Elem(); v.Kind() == reflect.Interface || !e.CanAddr() || n.names[e.Addr().UnsafePointer()] == "" {
				n.walk(e, name, depth+1)
			}
		}
	case reflect.Struct:
		if shim || v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			if name != "" {
				field = name + "." + field
			}
			n.walk(v.Field(i), field, depth+1)
		}
	case reflect.Slice, reflect.Array:
		for i := range min(v.Len(), namerElems) {
			n.walk(v.Index(i), fmt.Sprintf("%s[%d]", name, i), depth+1)
		}
	case reflect.Chan, reflect.Map:
		if !v.IsNil() && name != "" {
			n.names[v.UnsafePointer()] = name
		}
	}
}

// of is the name of what a row is about. What has no name otherwise is called as in the line that used it
// first.
func (n *namer) of(r *sched.Row, source string) string {
	if name, ok := n.names[r.Addr]; ok {
		return name
	}
	if i := strings.Index(source, "."+r.What+"("); i >= 0 && r.Object != nil {
		from := strings.LastIndexFunc(source[:i], func(c rune) bool {
			return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("._[]", c)
		})
		if name := source[from+1 : i]; name != "" {
			n.names[r.Addr] = name
			return name
		}
	}
	if r.Object != nil {
		return r.Object.String()
	}
	return "variable"
}
