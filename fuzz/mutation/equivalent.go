package mutation

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
)

// equivalents is the list of the mutants that change nothing which a test could see, or that are
// not worth a test: a key a line, and below it, indented, the reason.
//
//go:embed equivalent.txt
var equivalents string

var errEquivalent = errors.New("mutation: equivalent.txt")

// Equivalent returns the reasons by the keys of the mutants.
func Equivalent() (map[string]string, error) { return parse(equivalents) }

func parse(text string) (map[string]string, error) {
	reasons := map[string]string{}
	key := ""
	for i, line := range strings.Split(text, "\n") {
		reason := strings.TrimSpace(line)
		switch {
		case reason == "" || strings.HasPrefix(line, "# "):
		case line == reason:
			if _, twice := reasons[line]; twice || key != "" && reasons[key] == "" {
				return nil, fmt.Errorf("%w:%d: a mutant is listed twice, or has no reason",
					errEquivalent, i+1)
			}
			key = line
			reasons[key] = ""
		case key == "":
			return nil, fmt.Errorf("%w:%d: a reason without a mutant", errEquivalent, i+1)
		default:
			reasons[key] = strings.TrimSpace(reasons[key] + " " + reason)
		}
	}
	if key != "" && reasons[key] == "" {
		return nil, fmt.Errorf("%w: %s has no reason", errEquivalent, key)
	}
	return reasons, nil
}
