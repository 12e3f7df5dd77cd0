package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Fault is a mistake that is made on purpose. Each is a file in Folder, see [Parse].
type Fault struct {
	Name    string
	What    string // what is wrong then, in a sentence
	Changes []Change
	By      []Named // the tests that must catch it
	// TLC is the negative model of tla/models.json whose specification has the same mistake, empty
	// if there is none.
	TLC string
	// Specified says that the specification is taken to have the mistake, too: it is one of the
	// design, so comparing with the specification cannot find it.
	Specified bool
	// Unsynchronised says that memory is shared without a lock: only of such a fault can the race
	// detector have anything to say.
	Unsynchronised bool
}

// Change is what a patch does to one source file.
type Change struct {
	File  string // path in the repository, with slashes
	Hunks []Hunk
}

// Hunk replaces some lines. Both sides begin and end with the same lines of context.
type Hunk struct {
	Old, New          []string // each with its line end
	Leading, Trailing int      // how many lines of context there are
}

// Named is a test of a detector that must catch a fault.
type Named struct {
	Detector string
	Test     string // the name of a test function of the detector
}

func (n Named) String() string { return n.Detector + ": " + n.Test }

// ApplyError is the error of a patch that does not fit the source any more.
type ApplyError struct {
	Fault, File string
	Hunk        int // which of the file's, from 1
	Found       int // how often its lines occur
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("faults: %s: hunk %d fits %s in %d places, want one: the source has changed",
		e.Fault, e.Hunk, e.File, e.Found)
}

// Find finds a fault by its name; false if there is none.
func Find(all []Fault, name string) (Fault, bool) {
	for _, f := range all {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

// Apply returns the changed files, by their paths in the repository. root is the repository's
// folder. The errors are *ApplyError, and those of reading files.
func (f Fault) Apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, c := range f.Changes {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(c.File)))
		if err != nil {
			return nil, fmt.Errorf("faults: %s: %w", f.Name, err)
		}
		lines := strings.SplitAfter(string(b), "\n")
		for i, h := range c.Hunks {
			next, n := h.apply(lines)
			if n != 1 {
				return nil, &ApplyError{Fault: f.Name, File: c.File, Hunk: i + 1, Found: n}
			}
			lines = next
		}
		changed[c.File] = strings.Join(lines, "")
	}
	return changed, nil
}

// Overlay writes the changed files and the overlay file that names them to a
// folder, and returns the path of the latter. root is the repository's folder.
// The errors are *ApplyError, and those of reading and writing files.
func (f Fault) Overlay(root, dir string) (string, error) {
	changed, err := f.Apply(root)
	if err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range changed {
		path := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("faults: %s: %w", f.Name, err)
		}
		overlay.Replace[filepath.Join(root, filepath.FromSlash(file))] = path
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
