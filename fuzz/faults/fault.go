package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Fault is a mistake that is made on purpose.
type Fault struct {
	Name  string
	What  string // what is wrong then, in a sentence
	Edits []Edit
	By    []Named // the tests that must catch it
	// TLC is the negative model of tla/models.json whose specification has the same mistake, empty if there is none.
	TLC string
	// Specified says that the specification is taken to have the mistake, too: it is one of the design, so comparing with
	// the specification cannot find it.
	Specified bool
	// Unsynchronised says that memory is shared without a lock: only of such a fault can the race detector have anything to say.
	Unsynchronised bool
}

// Edit replaces a piece of a source file.
type Edit struct {
	File     string // path in the repository
	Old, New string // Old occurs exactly once
}

// Named is a test of a detector that must catch a fault.
type Named struct {
	Detector string
	Test     string // the name of a test function of the detector
}

func (n Named) String() string { return n.Detector + ": " + n.Test }

// EditError is the error of an edit that does not fit the source any more.
type EditError struct {
	Fault, File string
	Found       int // how often Old occurs
}

func (e *EditError) Error() string {
	return fmt.Sprintf("faults: %s: the text to be replaced occurs %d times in %s, want once: the source has changed", e.Fault, e.Found, e.File)
}

// All is the table of faults: of the protocol, of its runtime, of the linker.
func All() []Fault {
	return append(append(protocolFaults(), coordFaults()...), linkerFaults()...)
}

// Find finds a fault by its name; false if there is none.
func Find(name string) (Fault, bool) {
	for _, f := range All() {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

// Overlay writes the changed files and the overlay file that names them to a
// folder, and returns the path of the latter. root is the repository's folder.
// The errors are *EditError, and those of reading and writing files.
func (f Fault) Overlay(root, dir string) (string, error) {
	changed := map[string]string{}
	for _, e := range f.Edits {
		text, ok := changed[e.File]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				return "", fmt.Errorf("faults: %s: %w", f.Name, err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", &EditError{Fault: f.Name, File: e.File, Found: n}
		}
		changed[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range changed {
		path := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("faults: %s: %w", f.Name, err)
		}
		overlay.Replace[filepath.Join(root, file)] = path
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		return "", fmt.Errorf("faults: %s: %w", f.Name, err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return "", fmt.Errorf("faults: %s: %w", f.Name, err)
	}
	return path, nil
}
