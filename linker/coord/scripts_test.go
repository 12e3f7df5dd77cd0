package coord_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/datadriven"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

var update = flag.Bool("update", false, "record the scripts in testdata anew")

// The scripts in testdata, some of which are on the page spec/protocol.md, are what happens. A
// script has an order for a group in each line, and below it the actions of the protocol that
// follow, until no goroutine can go on, and the calls that return. For what the orders mean see
// [script.order]. go test ./linker/coord -run Scripts -update records them anew.
func TestScripts(t *testing.T) {
	if *update {
		if err := flag.Set("rewrite", "true"); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{groups: map[string]*actor{}}
				defer s.end()
				datadriven.RunTestAny(inBubble{t}, file,
					func(t testing.TB, d *datadriven.TestData) string { return s.run(t, d) })
			})
		})
	}
}

// inBubble hides that a test is one: in a bubble there are no sub-tests.
type inBubble struct{ testing.TB }

// script is a coordinator whose groups do what lines of a script say.
type script struct {
	c      *coord.Coordinator
	groups map[string]*actor
	steps  []protocol.Step
	broken error // the first state that breaks an invariant

	mu    sync.Mutex // guards ended: calls end on goroutines of their own
	ended []string   // the calls that have returned since the last line
}

// actor is a group of a script: its own side of operations, which can be held up or made to fail.
type actor struct {
	s      *script
	name   string
	member *coord.Member
	child  *coord.Child // while it is one
	token  *coord.Token
	cancel context.CancelFunc // of the call that is under way; nil for none
	call   string             // and what it is
	orders map[string]bool    // "fail apply" and the like, for the next operation
	held   chan struct{}      // closed by "go"; nil when nothing is held
	at     string             // where it is held
}

var (
	errDo    = errors.New("work fails")
	errUndo  = errors.New("undo fails")
	errEnded = errors.New("the script ends")
)

// meet fails or waits where the script has said so.
func (a *actor) meet(point string, failure error) error {
	if a.orders["hold "+point] {
		delete(a.orders, "hold "+point)
		a.held, a.at = make(chan struct{}), point
		<-a.held
		a.held, a.at = nil, ""
	}
	if a.orders["fail "+point] {
		delete(a.orders, "fail "+point)
		return failure
	}
	return nil
}

func (a *actor) Apply(context.Context, coord.Operation) error { return a.meet("apply", errApply) }

func (a *actor) Undo(context.Context, coord.Operation) error { return a.meet("undo", errUndo) }

// leading is an actor as the leader of an operation.
type leading struct{ a *actor }

func (l leading) Do(context.Context) (coord.Operation, bool, error) {
	err := l.a.meet("work", errDo)
	return coord.Operation{Kind: protocol.LoadModules}, err == nil, err
}

func (l leading) Undo(context.Context) error { return l.a.meet("undo", errUndo) }

func (l leading) Commit(uint64) {}

// begin makes a call on a goroutine of its own.
func (a *actor) begin(call string, f func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	a.call, a.cancel = call, cancel
	go func() {
		err := f(ctx)
		cancel()
		a.call, a.cancel = "", nil
		result := a.name + " " + call + ": done"
		if err != nil {
			result = a.name + " " + call + ": " + err.Error()
		}
		a.s.mu.Lock()
		defer a.s.mu.Unlock()
		a.s.ended = append(a.s.ended, result)
	}()
	synctest.Wait()
}

// image makes a coordinator with so many groups, which all run.
func (s *script) image(t testing.TB, n int) {
	t.Helper()
	first := &actor{s: s, name: "g1", orders: map[string]bool{}}
	c, m, err := coord.New(coord.Config{MaxGroups: n + 1, Observer: func(e coord.Event) {
		s.steps = append(s.steps, e.Step)
		if err := e.State.Check(); err != nil && s.broken == nil {
			s.broken = fmt.Errorf("after %s: %w", e.Step, err)
		}
	}}, first)
	if err != nil {
		t.Fatal(err)
	}
	s.c, first.member, s.groups["g1"] = c, m, first
	enter(t, m)
	for range n - 1 {
		child, err := m.Spawn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		a := s.adopt(child)
		a.attach(context.Background())
		enter(t, a.member)
	}
	s.steps = nil
}

func (s *script) adopt(child *coord.Child) *actor {
	name := protocol.Group(child.ID()).String()
	a := &actor{s: s, name: name, child: child, member: child.Member(),
		orders: map[string]bool{}}
	s.groups[name] = a
	return a
}

func (a *actor) attach(ctx context.Context) error {
	child := a.child
	a.child = nil
	_, err := child.Attach(ctx, func(context.Context, int) (coord.Participant, error) {
		return a, a.meet("build", errDo)
	})
	return err
}

// run does what a line says, and returns what happened.
func (s *script) run(t testing.TB, d *datadriven.TestData) string {
	t.Helper()
	switch d.Cmd {
	case "image":
		n := 0
		d.ScanArgs(t, "groups", &n)
		s.image(t, n)
		return s.happened(t)
	case "state":
		return s.text()
	}
	a := s.groups[d.Cmd]
	if a == nil {
		d.Fatalf(t, "there is no group %s", d.Cmd)
	}
	var words []string
	for _, arg := range d.CmdArgs {
		words = append(words, arg.Key)
	}
	if !s.order(a, strings.Join(words, " ")) {
		d.Fatalf(t, "%s cannot %s", d.Cmd, strings.Join(words, " "))
	}
	synctest.Wait()
	return s.happened(t)
}

// order gives a group an order, and reports whether there is such an order:
//
//	enter, park, safepoint, crash   what Member does under these names
//	lease, release                  takes the topology lease, and gives it back
//	lock                            runs a function under the state lock alone
//	link                            leads an operation
//	spawn, attach                   makes a child, and makes the child one of the groups
//	leave                           detaches
//	cancel                          ends the context of the call that is under way
//	hold P, go                      waits at P for as long as nothing is said, and goes on
//	fail P                          fails at P
//
// P is work, apply, undo, build or lock, the next time that the group comes there.
func (s *script) order(a *actor, order string) bool {
	m := a.member
	switch order {
	case "enter":
		a.begin(order, m.Enter)
	case "park":
		m.Park()
	case "safepoint":
		a.begin(order, m.Safepoint)
	case "crash":
		m.Crash(nil)
	case "lease":
		a.begin(order, func(ctx context.Context) (err error) {
			a.token, err = m.Lease(ctx)
			return err
		})
	case "release":
		a.begin(order, func(context.Context) error { return a.token.Release() })
	case "lock":
		a.begin(order, func(ctx context.Context) error {
			return m.WithState(ctx, func() error { return a.meet("lock", errDo) })
		})
	case "link":
		a.begin(order, func(ctx context.Context) error {
			_, err := m.Link(ctx, leading{a})
			return err
		})
	case "spawn":
		a.begin(order, func(ctx context.Context) error {
			child, err := m.Spawn(ctx)
			if err == nil {
				s.adopt(child)
			}
			return err
		})
	case "attach":
		a.begin(order, a.attach)
	case "leave":
		a.begin(order, m.Detach)
	case "cancel":
		a.cancel()
	case "go":
		close(a.held)
	default:
		verb, point, _ := strings.Cut(order, " ")
		if verb != "hold" && verb != "fail" ||
			!slices.Contains([]string{"work", "apply", "undo", "build", "lock"}, point) {
			return false
		}
		a.orders[order] = true
	}
	return true
}

// happened lists the actions and the returns since the last line, and what waits.
func (s *script) happened(t testing.TB) string {
	t.Helper()
	if s.broken != nil {
		t.Error(s.broken)
	}
	var b strings.Builder
	for _, step := range ordered(s.steps) {
		fmt.Fprintln(&b, step)
	}
	slices.Sort(s.ended)
	for _, call := range s.ended {
		fmt.Fprintln(&b, call)
	}
	s.steps, s.ended = nil, nil
	for _, a := range s.sorted() {
		switch {
		case a.held != nil:
			fmt.Fprintf(&b, "%s is held at %s\n", a.name, a.at)
		case a.call != "":
			fmt.Fprintf(&b, "%s waits: %s\n", a.name, a.call)
		}
	}
	return b.String()
}

func (s *script) sorted() []*actor {
	var all []*actor
	for _, a := range s.groups {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *actor) int { return cmp.Compare(a.name, b.name) })
	return all
}

// ordered sorts what several groups do at once, each on its own goroutine: rows of arrivals and of
// replays, whose order does not matter.
func ordered(steps []protocol.Step) []protocol.Step {
	row := func(a protocol.Action) int {
		switch a {
		case protocol.ActArrive, protocol.ActClaim:
			return 1
		case protocol.ActApply, protocol.ActFailApply:
			return 2
		case protocol.ActUndo, protocol.ActFailUndo:
			return 3
		}
		return 0
	}
	for from := 0; from < len(steps); {
		to := from + 1
		for to < len(steps) && row(steps[from].Action) != 0 &&
			row(steps[to].Action) == row(steps[from].Action) {
			to++
		}
		slices.SortStableFunc(steps[from:to],
			func(a, b protocol.Step) int { return cmp.Compare(a.Group, b.Group) })
		from = to
	}
	return steps
}

// text is the state in a few lines.
func (s *script) text() string {
	st := s.c.State()
	var b strings.Builder
	for _, a := range s.sorted() {
		id := a.member.ID()
		fmt.Fprintf(&b, "%s: %s, %s", a.name, st.Mode[id], st.Stage[id])
		if st.Part[id] != protocol.NoPart {
			fmt.Fprintf(&b, ", %s", st.Part[id])
		}
		fmt.Fprintf(&b, ", view %s\n", st.View[id])
	}
	fmt.Fprintf(&b, "lease: %s; state lock: writer %s, readers %s\n", st.Holder, st.Writer,
		st.Readers)
	fmt.Fprintf(&b, "log: %s", st.Log)
	if st.Poisoned {
		b.WriteString("; poisoned")
	}
	return b.String() + "\n"
}

// end lets every goroutine of the script end.
func (s *script) end() {
	for _, a := range s.sorted() {
		a.orders = map[string]bool{}
		a.member.Crash(errEnded)
		if a.cancel != nil {
			a.cancel()
		}
	}
	for synctest.Wait(); ; synctest.Wait() {
		i := slices.IndexFunc(s.sorted(), func(a *actor) bool { return a.held != nil })
		if i < 0 {
			return
		}
		close(s.sorted()[i].held)
	}
}
