package verify

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/model"
)

// FailedError says what a check found: not that it could not do its work, but that something does
// not hold.
type FailedError struct {
	Found          string
	Counterexample *counterexample.Counterexample // how it comes about; nil if that is not known
}

// Error implements the error interface.
func (e *FailedError) Error() string { return e.Found }

func failed(format string, args ...any) error {
	return &FailedError{Found: fmt.Sprintf(format, args...)}
}

// violated is the error of a model in which the explorer has found what should not be.
func violated(name string, config protocol.Config, v *model.ViolationError) error {
	c, err := counterexample.OfViolation(config, v)
	if err != nil {
		return err
	}
	c.Model = name
	return &FailedError{Found: c.Title(), Counterexample: c}
}
