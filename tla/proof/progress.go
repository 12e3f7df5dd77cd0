package proof

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/tla"
)

// ProgressModule is the module that says what is to be proved in time.
const ProgressModule = "LinkerProgress"

// Names in it.
const (
	fairness          = "Fairness"
	underWay          = "UnderWay"
	operationFairness = "OperationFairness"
	operationUnderWay = "OperationUnderWay"
	nothingForward    = "NothingGoesForward"
	sleeperFairness   = "SleeperFairness"
	weaklyFair        = "WF_vars"
)

// progressProperties are the properties of steps in it.
func progressProperties() []string {
	return []string{"NoPartGoesBack", "LeaderGoesOn", "OneByOne"}
}

// A group that is expected and falls asleep is claimed from then on: what Arrive obliges to, Claim
// does. No group that sleeps runs again before its operation is over, so this happens once.
var relieves = map[string]string{"Arrive": "Claim"}

// Progress has the questions about what happens at last: that something obligatory is possible
// whenever something is under way, and that it stays possible until something goes forward. It does
// not change; its methods may be called from any goroutine.
type Progress struct {
	system *System
	spec   *tla.Specification
}

// LoadProgress reads [ProgressModule] from the folder of [tla.Files]; the induction hypothesis is
// that of [Load]. The errors are those of [Load].
func LoadProgress(fsys fs.FS) (*Progress, error) {
	whole, err := Load(fsys)
	if err != nil {
		return nil, err
	}
	spec, err := tla.LoadSpecification(fsys, ProgressModule)
	if err != nil {
		return nil, err
	}
	s, err := NewSystem(spec, whole.signature, whole.invariants, progressProperties())
	if err != nil {
		return nil, err
	}
	p := &Progress{s, spec}
	return p, p.check()
}

// check translates every question once.
func (p *Progress) check() (err error) {
	defer catch(&err)
	for _, q := range p.Questions() {
		q.script(p.system, openWorld())
	}
	return nil
}

// Question is one question to z3, whose answer is "unsat" if what it is about is proved.
type Question struct {
	// Claim is what the question is a part of, and Case which part; empty if it is the whole.
	Claim, Case string

	script func(*System, *world) string
}

func (q Question) String() string { return strings.TrimSpace(q.Claim + " " + q.Case) }

// Script is the text of a question for any number of groups.
func (p *Progress) Script(q Question) string { return q.script(p.system, openWorld()) }

// Questions returns all there is to ask, claim by claim.
func (p *Progress) Questions() []Question {
	all := []Question{
		p.possible(underWay, fairness, ""), p.possible(operationUnderWay, operationFairness, ""),
		p.sleepers(),
	}
	for _, name := range progressProperties() {
		for _, c := range p.system.calls {
			all = append(all, propertyOf(Obligation{name, c.definition.Name}))
		}
	}
	for _, name := range p.system.module.fairNames(operationFairness) {
		for _, c := range p.system.calls {
			all = append(all, p.stays(name, c))
		}
	}
	return all
}

func propertyOf(o Obligation) Question {
	return Question{Claim: o.Property, Case: "by " + o.Action,
		script: func(s *System, w *world) string { return s.translate(w).script(o) }}
}

// possible asks for a state in which something is under way, and nothing of a fairness is possible.
// One of its actions may be left out.
func (p *Progress) possible(condition, fair, without string) Question {
	return Question{Claim: condition, script: func(s *System, w *world) string {
		q := s.beginning(w)
		now := s.state(w, "")
		q.definition("under way", s.module.definitions[condition], scope{now: now})
		q.add("; nothing obligatory is possible: %s", fair)
		for _, f := range s.module.fair(fair) {
			if fairName(f) != without {
				q.assert(not(q.t.someGroup(f, scope{now: now})))
			}
		}
		return s.finish(q, condition)
	}}
}

// sleepers asks for a group that sleeps and can neither run nor come to the door.
func (p *Progress) sleepers() Question {
	return Question{Claim: sleeperFairness, script: func(s *System, w *world) string {
		q := s.beginning(w)
		now := s.state(w, "")
		q.add("(declare-const who Group)")
		in := scope{now: now}.with("g", scalar{Group, "who"})
		fair := s.module.fair(sleeperFairness)
		q.assert(q.t.enabled(fair[0].args[0], in))
		q.assert(not(q.t.enabled(fair[1].args[0], in)))
		q.assert(not(equal("who", none)))
		return s.finish(q, sleeperFairness)
	}}
}

func staysPossible(action string) string { return action + " stays possible" }

// stays asks for a step of an action after which what was possible is not, although nothing goes
// forward.
func (p *Progress) stays(name string, c call) Question {
	return Question{Claim: staysPossible(name), Case: "by " + c.definition.Name,
		script: func(s *System, w *world) string {
			q := s.beginning(w)
			now, next := s.state(w, ""), s.state(w, nextSuffix)
			s.step(q, c, now)
			q.definition("in vain", s.module.definitions[nothingForward],
				scope{now: now, next: next})
			q.definition("under way", s.module.definitions[operationUnderWay], scope{now: now})
			q.add("(declare-const who Group)")
			who := scalar{Group, "who"}
			for _, f := range s.module.fair(operationFairness) {
				switch fairName(f) {
				case name:
					q.assert(q.t.enabled(f.args[0], scope{now: now}.with("g", who)))
					q.assert(not(q.t.enabled(f.args[0], scope{now: next}.with("g", who))))
				case relieves[name]:
					q.assert(not(q.t.enabled(f.args[0], scope{now: next}.with("g", who))))
				}
			}
			q.assert(not(equal("who", none)))
			return s.finish(q, staysPossible(name))
		}}
}

// beginning is a part with what the constants are, the facts, and the induction hypothesis.
func (s *System) beginning(w *world) *part {
	q := &part{t: s.translator(w)}
	now := s.state(w, "")
	q.definition("what the constants are", s.module.definitions[assumptions], scope{})
	if w.slots == nil {
		s.facts(q)
	} else {
		s.fit(q, now)
	}
	for _, name := range s.invariants {
		q.definition("holds", s.module.definitions[name], scope{now: now})
	}
	return q
}

// finish makes a script of a part.
func (s *System) finish(q *part, title string) string {
	return fmt.Sprintf("; %s\n%s%s%s\n(check-sat)\n", title, s.sorts(q.t), s.symbols(q.t.world),
		strings.Join(q.lines, "\n"))
}

// fair returns the formulas WF_vars(A) of a definition of the form \A g \in Groups : /\ … /\ ….
func (m *Module) fair(name string) []*nameExpr {
	d, ok := m.definitions[name]
	if !ok {
		panic(&TranslationError{File: m.Name + ".tla", What: "there is no definition of " + name})
	}
	fail := func() {
		panic(&TranslationError{File: d.file, Line: d.line,
			What: name + " is not a list of " + weaklyFair + " for each group g"})
	}
	q, ok := d.Body.(*quantifierExpr)
	if !ok || q.op != `\A` || len(q.bounds) != 1 || q.bounds[0].name != "g" {
		fail()
	}
	list, ok := q.body.(*junctionExpr)
	if !ok || list.op != `/\` {
		fail()
	}
	var all []*nameExpr
	for _, e := range list.items {
		f, ok := e.(*nameExpr)
		if !ok || f.name != weaklyFair || len(f.args) != 1 {
			fail()
		}
		all = append(all, f)
	}
	return all
}

// fairName is the name of the first action in WF_vars(A).
func fairName(f *nameExpr) string {
	name := ""
	anywhere(f.args[0], func(e Expr) bool {
		if n, ok := e.(*nameExpr); ok && name == "" && len(n.args) == 1 {
			name = n.name
		}
		return name != ""
	})
	return name
}

func (m *Module) fairNames(name string) []string {
	var all []string
	for _, f := range m.fair(name) {
		all = append(all, fairName(f))
	}
	return all
}

// someGroup says that the action in WF_vars(A) is possible for a group.
func (t *translator) someGroup(f *nameExpr, in scope) term {
	return t.within("exists", t.constants["Groups"].(set), func(v value) term {
		return t.enabled(f.args[0], in.with("g", v))
	})
}

// enabled is ENABLED A: the guards of an action, for its conjuncts on the next state are
// definitions of it. Alternatives and conditions may be around actions.
func (t *translator) enabled(e Expr, in scope) term {
	if list, ok := e.(*junctionExpr); ok {
		var all []term
		for _, item := range list.items {
			all = append(all, t.enabled(item, in))
		}
		if list.op == `/\` {
			return and(all...)
		}
		return or(all...)
	}
	applied, ok := e.(*nameExpr)
	if !ok {
		return t.formula(e, in)
	}
	d, ok := t.module.definitions[applied.name]
	if !ok || !primed(d.Body) {
		return t.formula(e, in)
	}
	inside := scope{now: in.now, locals: map[string]value{}}
	for i, p := range d.Parameters {
		inside.locals[p] = t.eval(applied.args[i], in)
	}
	var all []term
	for _, guard := range t.module.takeApart(d).guards {
		all = append(all, t.formula(guard, inside))
	}
	return and(all...)
}

// ProgressMistake is a mistake that must break a claim: an action that is not obligatory, a guard
// that is switched off, or one that is missing.
type ProgressMistake struct {
	// Name is "X without A" for an action A that is not obligatory, "Off X" for a switch, and that
	// of a [tla.Guard] for a guard that is missing.
	Name string

	questions []Question
	system    *System
}

// switches are those of which TLC finds that something never ends, with a claim that each breaks.
var switchesInTime = [][2]string{
	{"Cooperate", underWay}, {"LateClaim", operationUnderWay},
	{"LateClaim", staysPossible("Arrive")},
	{"UnparkGuard", staysPossible("Claim")}, {"CrashEndsPart", staysPossible("Apply")},
	{"Wake", sleeperFairness},
}

// missing are guards, by action and number, with a claim that breaks without each.
var missing = []struct {
	action string
	number int
	claim  string
}{{"Publish", 2, "NoPartGoesBack"}, {"RequestLease", 3, "LeaderGoesOn"},
	{"Publish", 2, "OneByOne"}}

// Mistakes returns those of the claims: each obligatory action is left out in turn; switches are
// thrown, and guards left out. The errors are those of [Load].
func (p *Progress) Mistakes() ([]ProgressMistake, error) {
	var all []ProgressMistake
	for _, c := range [][2]string{{underWay, fairness}, {operationUnderWay, operationFairness}} {
		for _, name := range p.system.module.fairNames(c[1]) {
			all = append(all, ProgressMistake{c[0] + " without " + name,
				[]Question{p.possible(c[0], c[1], name)}, p.system})
		}
	}
	about := func(s *System, name, claim string) ProgressMistake {
		questions := slices.DeleteFunc((&Progress{s, p.spec}).Questions(),
			func(q Question) bool { return q.Claim != claim })
		return ProgressMistake{name, questions, s}
	}
	for _, c := range switchesInTime {
		all = append(all, about(p.system.WithOff(c[0]), "Off "+c[0], c[1]))
	}
	for _, c := range missing {
		s, name, err := p.without(c.action, c.number)
		if err != nil {
			return nil, err
		}
		all = append(all, about(s, name, c.claim))
	}
	return all, nil
}

// without is the system without a guard, and the guard's name.
func (p *Progress) without(action string, number int) (*System, string, error) {
	base, err := p.spec.Definer(action)
	if err != nil {
		return nil, "", err
	}
	guards, err := base.Guards(action)
	if err != nil {
		return nil, "", err
	}
	g := guards[number-1]
	s, err := withoutGuard(p.spec, base, g, p.system)
	return s, g.String(), err
}

// Judge looks for a claim that the mistake breaks, among two and three groups. The result survives
// if there is none. Errors wrap [ErrSolver] or are the context's.
func (m ProgressMistake) Judge(ctx context.Context, z Solver) (MistakeResult, error) {
	r := MistakeResult{Mistake: m.Name}
	for groups := 2; groups <= counterexampleGroups; groups++ {
		for _, q := range m.questions {
			answer, _, err := z.Ask(ctx, q.script(m.system, writtenWorld(groups, room)))
			switch {
			case err != nil:
				return r, err
			case answer == Unknown:
				return r, fmt.Errorf("%w: %s: %v", ErrUndecided, m.Name, q)
			case answer == Sat:
				r.Property, r.Action, r.Groups = q.Claim, strings.TrimPrefix(q.Case, "by "), groups
				return r, nil
			}
		}
	}
	return r, nil
}
