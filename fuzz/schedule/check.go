package schedule

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// Variable is the environment variable with a schedule that [Check] is to
// run instead of what its source says. Failures print how to use it.
const Variable = "LOCKSTEP_SCHEDULE"

// shrinkRuns is how many runs Check spends on making a failure simpler.
const shrinkRuns = 3000

// Check explores a program in a test. A failure is shrunk and reported, with
// the command that runs it again, and ends the test.
func Check(t testing.TB, p Program, source Source, o Options) Report {
	t.Helper()
	if text, ok := os.LookupEnv(Variable); ok {
		s, err := ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Trace = true
		source = &once{Replay(s)}
	}
	r := Explore(p, source, o)
	if r.Failure != nil {
		small := Shrink(p, r.Failure, o, shrinkRuns)
		t.Fatalf("run %d: %s", r.Schedules,
			small.Report(Rerun(t.Name(), callerPackage(), small.Schedule)))
	}
	return r
}

// once is a source of one strategy.
type once struct{ s Strategy }

func (o *once) Next() Strategy {
	s := o.s
	o.s = nil
	return s
}

// Rerun is the shell command that runs a schedule of a test again.
func Rerun(test, pkg string, s Schedule) string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + quoteMeta.Replace(p) + "$"
	}
	return fmt.Sprintf("%s='%s' go test -count=1 -run '%s' %s", Variable, s,
		strings.Join(parts, "/"), pkg)
}

// quoteMeta quotes what a test's name can have that means something else in a pattern or a shell.
var quoteMeta = strings.NewReplacer(`\`, `\\`, ".", `\.`, "+", `\+`, "*", `\*`, "?", `\?`, "(",
	`\(`, ")", `\)`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`, "|", `\|`, "^", `\^`, "$", `\$`,
	"'", ".")

// callerPackage is the package of the test that called Check.
func callerPackage() string {
	pc, _, _, ok := runtime.Caller(2)
	if !ok {
		return "."
	}
	name := runtime.FuncForPC(pc).Name()
	slash := strings.LastIndex(name, "/") + 1
	dot := strings.Index(name[slash:], ".")
	if dot < 0 {
		return "."
	}
	return strings.TrimSuffix(name[:slash+dot], "_test")
}
