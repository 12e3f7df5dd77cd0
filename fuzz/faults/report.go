package faults

import (
	"fmt"
	"slices"
	"strings"
)

// Survivors are the faults that nobody caught.
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

// Markdown writes the table fault × detector, and what each is. It depends on
// what was caught only, not on times.
func Markdown(rows []Row, detectors []Detector) string {
	var b strings.Builder
	b.WriteString("# Seeded faults\n\nWritten by `make faults`. Each fault is put into the source by an overlay of the go command; each detector then\n" +
		"runs on that. **x**: caught; **h**: caught, because something never ended; –: not caught; empty: the detector does not\nrun that code.\n\n")
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
	fmt.Fprintf(&b, "\n%d faults, %d caught.\n\n## Detectors\n\n| detector | looks at | caught | alone |\n| --- | --- | :-: | --- |\n", len(rows), caught)
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
	b.WriteString("\n## Faults\n\n| fault | what is wrong | must be caught by |\n| --- | --- | --- |\n")
	for _, r := range rows {
		var by []string
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
	case o.Hung:
		return "h"
	case o.Caught:
		return "x"
	}
	return "–"
}
