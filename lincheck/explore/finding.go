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
	left     int    // how many rows are not shown
	root     any    // what was tested: its fields give the addresses in the trace their names
}

// Kind is what went wrong: broken, panic, deadlock, livelock, leak, race, diverged or not
// linearizable.
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

// cells are the rows of the table. Plain accesses are among them if several goroutines use the
// variable and one of them writes it.
func (f *Finding) cells() (lanes []lane, cells []cell) {
	f.left = 0
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
	keep := f.interesting(column)
	for i := range f.result.Rows {
		r := &f.result.Rows[i]
		if !keep[i] {
			f.left++
			continue
		}
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
			c.What += waitsFor(r)
		}
		cells = append(cells, c)
	}
	if f.result.Failure.Kind != sched.Race {
		markInterruptions(cells)
	}
	return lanes, cells
}

// markInterruptions marks the accesses between which another goroutine came in: the schedule has as
// few interruptions as possible, so those are what matters.
func markInterruptions(cells []cell) {
	for i := 1; i < len(cells); i++ {
		if !cells[i].Switch || cells[i].Waits {
			continue
		}
		interrupted := cells[i-1].Column
		before, after := i-1, i
		for before >= 0 && (cells[before].Column != interrupted || cells[before].Op) {
			before--
		}
		for after < len(cells) && (cells[after].Column != interrupted || cells[after].Op) {
			after++
		}
		if before >= 0 && after < len(cells) && !cells[after].Waits {
			cells[before].Mark, cells[after].Mark = true, true
		}
	}
}

// long is how many rows make a table of which less is shown.
const long = 80

// interesting says which rows are shown. If there are many, those are left out that only one
// goroutine has to do with while several run, plain accesses, which are in order if there is no
// race, unlocking, and what was before and after.
func (f *Finding) interesting(column map[*sched.Task]int) []bool {
	rows := f.result.Rows
	keep := make([]bool, len(rows))
	first, last := len(rows), -1
	for i := range rows {
		if rows[i].Task.ID != 0 && rows[i].What != "start" {
			first, last = min(first, i), i
		}
	}
	users, written := map[unsafe.Pointer]uint64{}, map[unsafe.Pointer]bool{}
	for i := first; i <= last; i++ {
		r := &rows[i]
		users[r.Addr] |= 1 << column[r.Task]
		written[r.Addr] = written[r.Addr] || !looks[r.What]
	}
	for i := range rows {
		r := &rows[i]
		shared := users[r.Addr]&(users[r.Addr]-1) != 0 && written[r.Addr]
		keep[i] = len(rows) <= long || r.Op || r.Mark || r.Waits ||
			i >= first && i <= last && r.Addr != nil && shared && !r.Plain &&
				!strings.Contains(r.What, "nlock")
	}
	return keep
}

// waitsFor says on whom a row that waits depends.
func waitsFor(r *sched.Row) string {
	names := make([]string, len(r.For))
	for i, t := range r.For {
		names[i] = t.Name
	}
	text := strings.Join(names, " and ")
	switch {
	case text == "":
		return ""
	case !strings.Contains(r.What, "Lock"):
		return ", for " + text
	case len(names) > 1:
		return ", which " + text + " hold"
	}
	return ", which " + text + " holds"
}

// looks are the operations whose value is what they found.
var looks = map[string]bool{"Load": true, "read": true, "receive": true, "received": true,
	"Err":     true,
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

// namer finds names for addresses: fields of what was tested, and of what pointers in the trace
// point to.
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
			if e := v.Elem(); v.Kind() == reflect.Interface || !e.CanAddr() ||
				n.names[e.Addr().UnsafePointer()] == "" {
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

// of is the name of what a row is about. What has no name otherwise is called as in the line that
// used it first.
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
