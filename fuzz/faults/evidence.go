package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/tla"
)

// TracesVariable is the environment variable that names the folder into which the tests of
// lincheck/drive write traces.
const TracesVariable = "LOCKSTEP_TRACES"

// judgeTraces judges the traces in a folder and returns what is wrong with the first that is no
// behaviour of the protocol, "" if all are. A trace may be incomplete: its writer may have been
// stopped.
func judgeTraces(dir string) (rejected string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return "", fmt.Errorf("faults: %w", err)
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("faults: %w", err)
		}
		_, err = trace.ValidateFile(file)
		file.Close() // it was only read
		var wrong *trace.RejectedError
		if errors.As(err, &wrong) {
			return fmt.Sprintf("%s: %v", filepath.Base(name), wrong), nil
		}
	}
	return "", nil
}

// RecordError is the error of a fault whose model TLC has not caught, according to the record.
type RecordError struct {
	Fault, Model string
	Err          error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("faults: %s: model %s: %v", e.Fault, e.Model, e.Err)
}

// Unwrap returns the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// errNotCaught is the reason of a model that is not there to be caught, or was not.
var errNotCaught = errors.New("it is no negative model that TLC has caught")

// recorded says what TLC has found in the specification with the fault.
func recorded(root string, f Fault) (Outcome, error) {
	folder := os.DirFS(filepath.Join(root, "tla"))
	suite, err := tla.LoadSuite(folder)
	if err != nil {
		return Outcome{}, &RecordError{f.Name, f.TLC, err}
	}
	model, err := suite.Model(f.TLC)
	if err != nil {
		return Outcome{}, &RecordError{f.Name, f.TLC, err}
	}
	results, err := tla.LoadResults(folder)
	if err != nil {
		return Outcome{}, &RecordError{f.Name, f.TLC, err}
	}
	result, ok := results.Of(f.TLC)
	if !ok {
		return Outcome{}, &RecordError{f.Name, f.TLC, tla.ErrNoRecord}
	}
	if model.Kind != tla.KindNegative || result.Exit == 0 || result.Property != model.Property {
		return Outcome{}, &RecordError{f.Name, f.TLC, errNotCaught}
	}
	return Outcome{Caught: true, Tests: []string{f.TLC + ", by " + result.Property}}, nil
}
