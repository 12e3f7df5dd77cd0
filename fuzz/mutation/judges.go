package mutation

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

// judges are the tests that should notice a change of a package, the fastest first: its own, and
// those of packages whose subject it is. A room of the linker is judged by its own tests alone: it
// is a room so that it can be tested alone, and the linker's tests take a minute.
func judges(folder string) []string {
	more := map[string][]string{
		"linker/protocol": {"model", "linker/coord", "fuzz"},
		"linker/coord":    {"fuzz", "fuzz/adversary"},
		"model":           {"lincheck"},
		"lincheck":        {"lincheck/drive"},
		"linker":          {"programs", "fuzz/graphs"},
	}
	return append([]string{folder}, more[folder]...)
}

// detectors makes the judges something that a faults.Bench can run.
func detectors(ctx context.Context, root, folder string) ([]faults.Detector, error) {
	var all []faults.Detector
	for _, judge := range judges(folder) {
		d := faults.Detector{Name: judge, Package: judge, Run: "^Test"}
		if judge != "linker/protocol" { // whose tests are quick, and draw less when they are short
			d.Args = append(d.Args, "-test.short")
		}
		rapid, err := usesRapid(ctx, root, judge)
		if err != nil {
			return nil, err
		}
		if rapid { // a failure is a catch: nothing is kept of it, and it need not be small
			d.Args = append(d.Args, "-rapid.nofailfile", "-rapid.shrinktime=1ms", "-rapid.seed=1")
		}
		all = append(all, d)
	}
	return all, nil
}

// usesRapid tells whether the tests of a package know rapid's flags.
func usesRapid(ctx context.Context, root, folder string) (bool, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-test", "-f", "{{.ImportPath}}",
		"./"+folder)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return false, fmt.Errorf("mutation: go list %s: %w", folder, err)
	}
	return strings.Contains("\n"+string(out), "\npgregory.net/rapid\n"), nil
}
