package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// Folder is where the patches are, in the repository.
const Folder = "fuzz/faults/patches"

// FormatError is the error of a patch file that cannot be read.
type FormatError struct {
	File string // in Folder
	Err  error
}

func (e *FormatError) Error() string { return fmt.Sprintf("faults: %s: %v", e.File, e.Err) }

// Unwrap returns the reason.
func (e *FormatError) Unwrap() error { return e.Err }

// What can be wrong with a patch file.
var (
	errHeader     = errors.New("its header")
	errNoChange   = errors.New("it changes nothing")
	errNoSource   = errors.New("it does more than to change lines of a text")
	errNoDetector = errors.New("no DETECTOR: TEST")
	errTwice      = errors.New("there is a fault of that name already")
)

// Load reads the table of faults: every patch file in Folder of a repository, in the order of
// their paths. The errors are *FormatError, and those of reading files.
func Load(root string) ([]Fault, error) {
	folder := os.DirFS(filepath.Join(root, filepath.FromSlash(Folder)))
	files, err := fs.Glob(folder, "*/*.patch")
	if err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	var all []Fault
	for _, file := range files {
		text, err := fs.ReadFile(folder, file)
		if err != nil {
			return nil, fmt.Errorf("faults: %w", err)
		}
		f, err := Parse(text)
		if _, twice := Find(all, f.Name); err == nil && twice {
			err = fmt.Errorf("%w: %s", errTwice, f.Name)
		}
		if err != nil {
			return nil, &FormatError{File: file, Err: err}
		}
		all = append(all, f)
	}
	return all, nil
}

// Parse reads a patch file: a header of "Key: value" lines, an empty line, and a patch as git
// writes it. A line that begins with a space goes on with the value above. The keys are Name and
// What; Caught-By, "detector: test", as often as there are tests that must catch the fault; and,
// where they apply, TLC, Specified and Unsynchronised. See [Fault] for what they mean.
func Parse(text []byte) (Fault, error) {
	input := bufio.NewReader(bytes.NewReader(text))
	header, err := textproto.NewReader(input).ReadMIMEHeader()
	if err != nil {
		return Fault{}, fmt.Errorf("%w: %w", errHeader, err)
	}
	f, err := parseHeader(header)
	if err != nil {
		return Fault{}, err
	}
	f.Changes, err = parseChanges(input)
	return f, err
}

func parseHeader(header textproto.MIMEHeader) (Fault, error) {
	var f Fault
	for key, values := range header {
		if key != "Caught-By" && len(values) != 1 {
			return Fault{}, fmt.Errorf("%w: %s twice", errHeader, key)
		}
		value := values[0]
		switch key {
		case "Name":
			f.Name = value
		case "What":
			f.What = value
		case "Tlc":
			f.TLC = value
		case "Specified":
			f.Specified = value == "true"
		case "Unsynchronised":
			f.Unsynchronised = value == "true"
		case "Caught-By":
			for _, v := range values {
				detector, test, ok := strings.Cut(v, ": ")
				if !ok {
					return Fault{}, fmt.Errorf("%w: Caught-By: %s: %w", errHeader, v, errNoDetector)
				}
				f.By = append(f.By, Named{Detector: detector, Test: test})
			}
		default:
			return Fault{}, fmt.Errorf("%w: there is no key %s", errHeader, key)
		}
	}
	if f.Name == "" || f.What == "" || len(f.By) == 0 && f.TLC == "" {
		return Fault{}, fmt.Errorf("%w lacks Name, What, or both of Caught-By and TLC", errHeader)
	}
	return f, nil
}

func parseChanges(patch io.Reader) ([]Change, error) {
	files, _, err := gitdiff.Parse(patch)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errNoChange
	}
	var changes []Change
	for _, file := range files {
		if file.IsNew || file.IsDelete || file.IsRename || file.IsCopy || file.IsBinary {
			return nil, fmt.Errorf("%s: %w", file.NewName, errNoSource)
		}
		c := Change{File: file.NewName}
		for _, fragment := range file.TextFragments {
			c.Hunks = append(c.Hunks, hunkOf(fragment))
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// hunkOf returns the lines before and after a fragment.
func hunkOf(fragment *gitdiff.TextFragment) Hunk {
	h := Hunk{Leading: int(fragment.LeadingContext), Trailing: int(fragment.TrailingContext)}
	for _, line := range fragment.Lines {
		if line.Old() {
			h.Old = append(h.Old, line.Line)
		}
		if line.New() {
			h.New = append(h.New, line.Line)
		}
	}
	return h
}

// apply replaces a hunk's old lines in a text by its new ones. As little context is dropped as is
// needed to find the place, so that a change nearby does no harm. found is how often the place was
// found when that was last more than never: all is well only if it is 1.
func (h Hunk) apply(text []string) (changed []string, found int) {
	for _, cut := range h.cuts() {
		old := h.Old[cut.leading : len(h.Old)-cut.trailing]
		at, n := occurrences(text, old)
		if n == 0 {
			continue
		}
		if n > 1 { // less context would find no fewer
			return nil, n
		}
		return slices.Concat(text[:at], h.New[cut.leading:len(h.New)-cut.trailing],
			text[at+len(old):]), 1
	}
	return nil, 0
}

// cut is how many lines of context are dropped at each end.
type cut struct{ leading, trailing int }

// cuts lists all cuts, those first that drop least. Some text remains in each, and half of the
// context: with less, a line that is common is found where the fault does not belong.
func (h Hunk) cuts() (cuts []cut) {
	for dropped := range (h.Leading+h.Trailing)/2 + 1 {
		for leading := max(0, dropped-h.Trailing); leading <= min(dropped, h.Leading); leading++ {
			if dropped < len(h.Old) {
				cuts = append(cuts, cut{leading, dropped - leading})
			}
		}
	}
	return cuts
}

// occurrences counts the places at which a run of lines occurs in a text, and returns the first.
func occurrences(text, run []string) (first, n int) {
	for at := 0; at+len(run) <= len(text); at++ {
		if slices.Equal(text[at:at+len(run)], run) {
			if n == 0 {
				first = at
			}
			n++
		}
	}
	return first, n
}
