package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Survivors are the faults that no detector caught.
func Survivors(rows []Row) (names []string) {
	for _, r := range rows {
		if !r.Caught() {
			names = append(names, r.Fault.Name)
		}
	}
	return names
}

// Alone tells which faults a detector caught that no other did.
func Alone(rows []Row, detector string) (names []string) {
	for _, r := range rows {
		others := false
		for name, o := range r.Outcomes {
			others = others || o.Caught && name != detector
		}
		if r.Outcomes[detector].Caught && !others {
			names = append(names, r.Fault.Name)
		}
	}
	return names
}

const introduction = `# Seeded faults

Written by ` +
	"`make faults`" + `. Each fault is put into the source by an overlay of the go command; each
detector then runs on that. **x**: caught; **h**: caught, because something never ends: all
goroutines wait for each other, or it uses many times the processor time that it needs; –: not
caught; ?: undecided, which is no catch; empty: the detector does not run that code.

TLC does not run. Where a fault of the protocol is the twin of a model without one of its guards,
the column says what is on record of that model in [tla/results.json](../tla/results.json). Traces
are written by the faulty linker and judged by the sound protocol. Of the race detector only its own
reports count, so it is asked only where a lock is missing. A fault "in the specification, too" is
one of the design: what compares the code with the specification cannot find it.

One fault is put to the test again by ` +
	"`go run ./fuzz/cmd/faults --only FAULT [--detector NAME]`" + `,
which prints the commands that reproduce what it found.

The list of faults at the end is written by ` + "`make faults-named`" + `, too, which runs only the
tests that must catch each fault. A fault that is in the list and not in the table is newer than the
last run of ` + "`make faults`" + `.

`

// Markdown writes the table fault × detector, and what each is. It depends on
// what was caught only, not on times.
func Markdown(rows []Row, detectors []Detector) string {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("| fault |")
	rule := "| --- |"
	for _, d := range detectors {
		fmt.Fprintf(&b, " %s |", d.Name)
		rule += " :-: |"
	}
	fmt.Fprintf(&b, "\n%s\n", rule)
	caught := 0
	for _, r := range rows {
		name := r.Fault.Name
		if r.Err != nil {
			name += " (**not put to the test**)"
		}
		fmt.Fprintf(&b, "| %s |", name)
		for _, d := range detectors {
			fmt.Fprintf(&b, " %s |", cell(r, d))
		}
		b.WriteByte('\n')
		if r.Caught() {
			caught++
		}
	}
	fmt.Fprintf(&b, "\n%d faults, %d caught.\n\n## Detectors\n\n| detector | looks at | caught | "+
		"no other catches |\n| --- | --- | :-: | --- |\n", len(rows), caught)
	for _, d := range detectors {
		n := 0
		for _, r := range rows {
			if r.Outcomes[d.Name].Caught {
				n++
			}
		}
		alone := strings.Join(Alone(rows, d.Name), "; ")
		if alone == "" {
			alone = "nothing"
			if d.Why != "" {
				alone += "; kept because " + d.Why
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", d.Name, d.What, n, alone)
	}
	b.WriteString(list(rows))
	return b.String()
}

// faultsHeading is above the list of faults, the last section of the page.
const faultsHeading = "\n## Faults\n"

// ErrNoList is the error of a page without a list of faults.
var ErrNoList = errors.New("faults: the page has no list of faults")

// WithList returns a page that Markdown has written with another list of faults. The error is
// ErrNoList.
func WithList(page string, rows []Row) (string, error) {
	before, _, ok := strings.Cut(page, faultsHeading)
	if !ok {
		return "", ErrNoList
	}
	return before + list(rows), nil
}

// list writes the list of faults: what each is, and what must catch it.
func list(rows []Row) string {
	var b strings.Builder
	b.WriteString(faultsHeading)
	fmt.Fprintf(&b, "\n%d faults.\n\n| fault | what is wrong | must be caught by |\n"+
		"| --- | --- | --- |\n", len(rows))
	for _, r := range rows {
		var by []string
		if o := r.Outcomes["TLC"]; o.Caught {
			by = append(by, "TLC: "+strings.Join(o.Tests, ", "))
		}
		for _, n := range r.Fault.By {
			test := n.String()
			if slices.Contains(r.Missed, n) {
				test += " (**missed**)"
			}
			by = append(by, test)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Fault.Name, r.Fault.What, strings.Join(by, ", "))
	}
	return b.String()
}

func cell(r Row, d Detector) string {
	o, ran := r.Outcomes[d.Name]
	switch {
	case !ran:
		return ""
	case o.Undecided:
		return "?"
	case o.Hung:
		return "h"
	case o.Caught:
		return "x"
	}
	return "–"
}
