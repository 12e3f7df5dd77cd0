package explore

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// done is an operation of a run.
type done struct {
	step         step
	client       int
	call, result int64 // moments
	out          []any
	text         string // of out
	ended        bool
}

// specification says which sequential histories are right.
type specification struct {
	model    porcupine.Model
	instance func() any // for the sequential type; nil if there is a model of the user's
	root     *state
	memo     map[string]bool
	cleanup  func(any)
}

// state is what the sequential type was told so far. Two of them are the same if they were told the
// same.
type state struct {
	path  []step
	after map[string]*reached
}

// reached is what came of an operation in a state.
type reached struct {
	text   string
	blocks bool // the operation waits for ever
	next   *state
}

// newSpecification makes the specification of a type.
func newSpecification(model *porcupine.Model, instance func() any) *specification {
	s := &specification{instance: instance, memo: map[string]bool{}}
	if model != nil {
		s.model = *model
		return s
	}
	s.root = &state{}
	s.model = porcupine.Model{
		Init: func() any { return s.root },
		Step: func(st, in, out any) (bool, any) {
			r := s.reach(st.(*state), in.(step))
			return !r.blocks && r.text == out.(string), r.next
		},
		Equal: func(a, b any) bool { return a == b },
		DescribeOperation: func(in, out any) string {
			return fmt.Sprintf("%v → %v", in, out)
		},
	}
	return s
}

// reach performs an operation in a state: all that led there is done again with a new instance.
func (s *specification) reach(st *state, next step) *reached {
	key := next.String()
	if r, ok := st.after[key]; ok {
		return r
	}
	r := &reached{next: &state{path: append(st.path[:len(st.path):len(st.path)], next)}}
	ended := false
	var x any
	// It runs under the scheduler, alone, so that an operation that waits for ever is noticed.
	res := sched.Run(func(*sched.Task) {
		x = s.instance()
		for _, p := range r.next.path {
			r.text = describeAll(perform(p.op.sequential, x, p.args))
		}
		ended = true
	}, sched.Follow(strategy.Replay(nil)), sched.Options{Leaks: true})
	r.blocks = !ended || res.Failure != nil
	if s.cleanup != nil && x != nil {
		s.cleanup(x)
	}
	if st.after == nil {
		st.after = map[string]*reached{}
	}
	st.after[key] = r
	return r
}

// perform calls an operation; a panic is a result.
func perform(do func(any, []any) []any, x any, args []any) (out []any) {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				out = []any{Panicked{fmt.Sprint(v)}}
			}
		}
	}()
	out = do(x, args)
	returned = true
	return out
}

// right says whether some order of the operations explains their results.
func (s *specification) right(ops []*done) bool {
	key := signature(ops)
	if ok, seen := s.memo[key]; seen {
		return ok
	}
	list := make([]porcupine.Operation, len(ops))
	for i, o := range ops {
		list[i] = porcupine.Operation{ClientId: o.client, Input: o.step, Output: o.text,
			Call: o.call, Return: o.result}
		if s.instance == nil {
			list[i].Input, list[i].Output = Call{o.step.op.name, o.step.args}, o.out
		}
	}
	ok := porcupine.CheckOperations(s.model, list)
	s.memo[key] = ok
	return ok
}

// signature is what the verdict depends on: the results, and which operation was over before which
// began.
func signature(ops []*done) string {
	var b strings.Builder
	for _, o := range ops {
		b.WriteString(o.text)
		b.WriteByte(0)
		for _, p := range ops {
			if o.result < p.call {
				b.WriteByte('<')
			} else {
				b.WriteByte('-')
			}
		}
	}
	return b.String()
}
