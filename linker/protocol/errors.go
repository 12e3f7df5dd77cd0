package protocol

import (
	"errors"
	"fmt"
)

// ErrConfig is the error of an impossible Config.
var ErrConfig = errors.New("protocol: invalid configuration")

// ErrUnknownName is the error of a name that the specification does not have.
var ErrUnknownName = errors.New("protocol: unknown name")

// Refusal is the conjunct of a guard that did not hold, as the specification
// writes it; Done when the action was performed.
type Refusal string

// Done is what an action returns that was performed.
const Done Refusal = ""

// RefusedError is the error of an action whose guard did not hold.
type RefusedError struct {
	Step  Step    // what was tried
	Guard Refusal // the conjunct that did not hold
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("protocol: %s is not possible: %s does not hold", e.Step, e.Guard)
}
