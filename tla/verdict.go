package tla

import "fmt"

// Verdict is what a checker said about a model.
type Verdict int

// The verdicts. TLC reports each with an exit status of its own; see [VerdictOf].
const (
	// VerdictError means that the model was not decided: it does not parse, or the checker failed.
	VerdictError Verdict = iota
	// VerdictOK means that everything was explored and every property holds.
	VerdictOK
	// VerdictAssumption means that an ASSUME, or the postcondition, is false.
	VerdictAssumption
	// VerdictDeadlock means that a state without successor was found.
	VerdictDeadlock
	// VerdictSafety means that an invariant or a property of steps is violated.
	VerdictSafety
	// VerdictLiveness means that a temporal property is violated.
	VerdictLiveness
	// VerdictAssert means that an Assert in the specification is false.
	VerdictAssert
)

// What stands for a property's name where the violation has none.
const (
	PropertyDeadlock   = "Deadlock"
	PropertyAssumption = "Assumption" // TLC says where a false ASSUME is, not what it is called
)

// verdicts maps TLC's exit statuses (tlc2.output.EC.ExitStatus) to what they mean.
var verdicts = map[int]Verdict{
	0:  VerdictOK,
	10: VerdictAssumption,
	11: VerdictDeadlock,
	12: VerdictSafety,
	13: VerdictLiveness,
	14: VerdictAssert,
}

// VerdictOf interprets TLC's exit status. Statuses that are no verdict, such as 150 for a
// specification that does not parse, are [VerdictError].
func VerdictOf(exit int) Verdict { return verdicts[exit] }

// String returns the verdict in one word.
func (v Verdict) String() string {
	switch v {
	case VerdictError:
		return "error"
	case VerdictOK:
		return "ok"
	case VerdictAssumption:
		return "assumption"
	case VerdictDeadlock:
		return "deadlock"
	case VerdictSafety:
		return "safety"
	case VerdictLiveness:
		return "liveness"
	case VerdictAssert:
		return "assert"
	}
	return fmt.Sprintf("Verdict(%d)", int(v))
}
