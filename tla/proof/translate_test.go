package proof

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lockstep-wasm/lockstep/tla"
)

// tinySpec is a lock that groups take and give back, with the fault in place of %.
const tinySpec = `---- MODULE Tiny ----
EXTENDS Naturals, Sequences, FiniteSets
CONSTANTS Groups, None, Off
VARIABLES owner, queue, count

ConstantsFit == None \notin Groups

Distinct(q) == Len(q) = Cardinality(Range(q))

SequenceFacts(S, E) ==
    /\ \A s \in S : \A e \in E : \A x \in E : ((x \in Range(Append(s, e))) = (x \in Range(s) \/ x = e))
    /\ \A s \in S : \A e \in E : \A x \in E : (Distinct(s) => ((x \in Range(Without(s, e))) = (x \in Range(s) /\ x # e)))

Range(q) == {q[i] : i \in 1..Len(q)}

Without(q, g) == IF g \in Range(q) THEN LET i == CHOOSE j \in 1..Len(q) : q[j] = g IN SubSeq(q, 1, i - 1) \o SubSeq(q, i + 1, Len(q)) ELSE q

Init ==
    /\ owner = [g \in Groups |-> FALSE]
    /\ queue = <<>>
    /\ count = 0

Take(g) ==
    /\ count = 0
    /\ owner' = [owner EXCEPT ![g] = TRUE]
    /\ count' = count + 1
    /\ UNCHANGED queue

Give(g) ==
    /\ owner[g]
    /\ owner' = [owner EXCEPT ![g] = FALSE]
    /\ count' = count - 1
    /\ UNCHANGED queue

Next ==
    \/ \E g \in Groups : Take(g)
    \/ \E g \in Groups : Give(g)

OneOwner == \A g \in Groups : (owner[g] => count = 1)
OwnerIsAlone == \A g \in Groups : (\A h \in Groups : ((owner[g] /\ owner[h]) => (g = h)))
Counted == count \in 0..1
OnlyTakenIsGiven == [][(count' < count) => (\E g \in Groups : owner[g])]_count
====
`

func tinySignature() Signature {
	return Signature{
		"Groups": SetOf(Group), "None": Scalar(Group), "Off": SetOf(Text),
		"owner": FunctionTo(Scalar(Boolean)), "queue": SequenceOf(Group), "count": Scalar(Number),
	}
}

// tiny prepares the small specification, with something in it replaced.
func tiny(t *testing.T, from, to string) (*System, error) {
	t.Helper()
	text := strings.Replace(tinySpec, from, to, 1)
	if text == tinySpec && from != to {
		t.Fatalf("%q is not in the specification", from)
	}
	spec, err := tla.LoadSpecification(fstest.MapFS{"Tiny.tla": {Data: []byte(text)}}, "Tiny")
	if err != nil {
		t.Fatal(err)
	}
	return NewSystem(spec, tinySignature(), []string{"OneOwner", "OwnerIsAlone", "Counted"},
		[]string{"OnlyTakenIsGiven"})
}

// A construct that the translation does not know is an error with its line and its name.
func TestTranslationErrors(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"/\\ count = 0\n    /\\ owner' = [owner EXCEPT ![g] = TRUE]",
			"/\\ ENABLED Init\n    /\\ owner' = owner", "Tiny.tla"},
		{"/\\ UNCHANGED queue\n\nGive", "/\\ TRUE\n\nGive", "Take: no next value of queue"},
		{"/\\ UNCHANGED queue\n\nGive", "/\\ UNCHANGED <<queue, count>>\n\nGive",
			"Take: a next value of count, which has one already"},
		{"/\\ UNCHANGED queue\n\nGive", "/\\ UNCHANGED queue\n    /\\ count' > 0\n\nGive",
			"Take: a condition on the next state"},
		{"/\\ UNCHANGED queue\n\nGive", "/\\ queue' \\in {queue}\n\nGive",
			"Take: a condition on the next state"},
		{"count' = count + 1", "count' = count'", "Take: a condition on the next state"},
		{"count' = count + 1", "count' = count * 2", "the operator *"},
		{"count' = count + 1", "count' = <<1>>", "not of the shape Int"},
		{"count' = count + 1", "count' = number + 1", "the name number, which nothing defines"},
		{"count' = count + 1", "count' = owner", "not of the shape Int"},
		{"count' = count + 1", "count' = IF owner[g] THEN 1 ELSE <<>>", "different shapes"},
		{"owner[g]\n", "queue\n", "in the place of a formula"},
		{"owner[g]\n", "owner[1]\n", "an index of this kind"},
		{"owner[g]\n", "count' = 1\n", "Give: a next value of count"},
		{"![g] = FALSE", "![g] = count", "another shape than the function's"},
		{"![g] = FALSE", "![count] = FALSE", "no group"},
		{"count \\in 0..1", "count \\in SUBSET {1}", "the operator SUBSET"},
		{"count \\in 0..1", "Cardinality({count}) = 1", "Cardinality of something else"},
		{"count \\in 0..1", "count \\in queue", "in the place of a set"},
		{"count \\in 0..1", "queue = count", "do not have the same shape"},
		{"count \\in 0..1", "Len(count) = 1", "Len of a value that is no sequence"},
		{"count \\in 0..1", "Head(SubSeq(queue, 1, 1)) = None", "only a written-out world has"},
		{"count \\in 0..1", "count' = 1", "a prime where there is no next state"},
		{"[][(count' < count) => (\\E g \\in Groups : owner[g])]_count", "count = 1 ~> count = 0",
			"not of the form [][A]_v"},
		{"Take(g) ==", "Take(g, h) ==", "Take with other arguments"},
		{"\\/ \\E g \\in Groups : Take(g)", "\\/ count = 1", "an alternative that is no action"},
		{"OneOwner ==", "Owner ==", "OneOwner"},
		{"VARIABLES owner, ", "VARIABLES owner, other, ", "other has no shape"},
	} {
		_, err := tiny(t, c.from, c.to)
		var failure *TranslationError
		if !errors.As(err, &failure) || !strings.Contains(err.Error(), c.want) ||
			failure.File != "Tiny.tla" {
			t.Errorf("%s: %v, want %q", c.to, err, c.want)
		}
	}
}

// The verdicts on the small specification, and on it with faults: which obligations are refuted,
// and by what.
func TestProve(t *testing.T) {
	z3 := solver(t)
	z3.Limit = 2 * time.Second // what is false would take all of it
	for _, c := range []struct{ name, from, to, want string }{
		{"whole", "", "", ""},
		{"no guard", "/\\ count = 0\n    /\\ owner'", "/\\ TRUE\n    /\\ owner'",
			"OneOwner by Take, OwnerIsAlone by Take, Counted by Take"},
		{"wrong start", "/\\ count = 0\n\n", "/\\ count = 2\n\n", "Counted by Init"},
		{"gives what it has not", "/\\ owner[g]\n", "/\\ count = 1\n",
			"OneOwner by Give, OnlyTakenIsGiven by Give"},
		{"forgets to count", "count' = count - 1", "count' = count", ""},
		{"keeps it", "![g] = FALSE", "![g] = TRUE", "OneOwner by Give"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := tiny(t, c.from, c.to)
			if err != nil {
				t.Fatal(err)
			}
			var refuted []string
			for _, o := range s.Obligations() {
				r, err := s.Prove(t.Context(), z3, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict == Open || (r.Verdict == Refuted) != (r.Counterexample != nil) {
					t.Errorf("%v: %v, %v", o, r.Verdict, r.Counterexample)
				}
				if r.Verdict == Refuted {
					refuted = append(refuted, o.String())
				}
			}
			if got := strings.Join(refuted, ", "); got != c.want {
				t.Errorf("refuted %q, want %q", got, c.want)
			}
		})
	}
}

// A counterexample names the arguments, and shows what changes.
func TestCounterexample(t *testing.T) {
	z3 := solver(t)
	s, err := tiny(t, "![g] = FALSE", "![g] = TRUE")
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Refute(t.Context(), z3, Obligation{"OneOwner", "Give"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	const want = `OneOwner by Give, g = g1
    owner      g1 TRUE
    queue      <<>>
  * count      1
               0
`
	if c == nil || c.String() != want {
		t.Errorf("got\n%v\nwant\n%v", c, want)
	}
	if c, err := s.Refute(t.Context(), z3, Obligation{"OwnerIsAlone", "Give"}, 3); c != nil ||
		err != nil {
		t.Errorf("what holds has the counterexample %v, %v", c, err)
	}
}

// Values are read as z3 prints them.
func TestReadValues(t *testing.T) {
	values, err := readValues(
		"((x 1)\n (|a b| |\"Running\"|)\n ((f |g1|) (operation |\"A\"| |1|)) (y (- 3)))", 4)
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, v := range values {
		shown = append(shown, showTerm(v))
	}
	if want := []string{"1", `"Running"`, `<<"A", 1>>`, "-3"}; !slices.Equal(shown, want) {
		t.Errorf("%q, want %q", shown, want)
	}
	for _, text := range []string{"", "(", "((x 1)", "((x 1))", "((x (f 1)) (y", `(error "what")`,
		"((x |a"} {
		if _, err := readValues(text, 2); !errors.Is(err, ErrSolver) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
