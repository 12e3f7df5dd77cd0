package faults

import (
	"fmt"
	"strings"
)

// Command returns the shell command, for the repository's folder, that runs a detector on a fault
// again. overlay is the path that Fault.Overlay has returned.
func (d Detector) Command(f Fault, overlay string) string {
	if d.Judge == ByRecord {
		return "go run ./tla/cmd/tlc run " + f.TLC
	}
	words := []string{"go", "test", "-count=1", "-failfast", "-overlay=" + quote(overlay)}
	if d.Judge == ByRaceDetector {
		words = append(words, "-race")
	}
	words = append(words, "-run", quote(d.tests(f)), "./"+d.Package)
	if len(d.Args) > 0 {
		words = append(words, "-args")
		for _, a := range d.Args {
			words = append(words, quote(a))
		}
	}
	command := strings.Join(words, " ")
	if d.Judge == ByTraces {
		return fmt.Sprintf("dir=$(mktemp -d); %s=$dir %s; go run ./cmd/lockstep trace check $dir/*",
			TracesVariable, command)
	}
	return command
}

// quote makes a word of the shell.
func quote(word string) string {
	if !strings.ContainsAny(word, " '\"\\$|&;()<>*?[]{}~#!`^") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
