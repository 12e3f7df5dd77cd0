package faults

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Detector is a way to find faults: a set of tests of one package, or the record of what TLC found.
type Detector struct {
	Name    string
	What    string   // what it looks at
	Why     string   // why it is kept even if others catch all that it does
	Package string   // path in the repository
	Sees    []string // the folders whose faults it can see
	Run     string   // which tests: the argument of -run
	Args    []string // more arguments for the tests
	// Compares says that it compares with the specification, so that it cannot see a fault which
	// that has as well.
	Compares bool
	// Own is what runs in place of Run on such a fault: the tests that know nothing of the
	// specification. Empty if they are the same.
	Own   string
	Judge Judge
}

// Judge is who says whether a fault was caught.
type Judge byte

// The judges.
const (
	// ByTests: a test that fails, or never ends.
	ByTests Judge = iota
	// ByRaceDetector: the tests are built with -race, and only its reports count.
	ByRaceDetector
	// ByTraces: the tests write traces of the protocol, and only what this program, which is sound,
	// says of those counts. A test that judged them itself would do so with the fault in its judge.
	// See "Why does another program judge the traces of a faulty linker?" in spec/rationale.md.
	ByTraces
	// ByRecord: no test runs. The fault names a model of the specification with the same mistake,
	// and tla/results.json has what TLC found in it.
	ByRecord
)

// The folders that faults are in.
const (
	linkerFolder   = "linker"
	coordFolder    = "linker/coord"
	protocolFolder = "linker/protocol"
)

// tracing is the test that writes traces when TracesVariable is set.
const tracing = "TestTracesOfTheLinkerAreBehaviours"

// Detectors is the list of all detectors, the columns of the table.
func Detectors() []Detector {
	protocolOnly, below, all := []string{protocolFolder}, []string{protocolFolder, coordFolder},
		[]string{protocolFolder, coordFolder, linkerFolder}
	short := []string{"-test.short"}
	return []Detector{
		{
			Name:  "TLC",
			What:  "the specification with the same mistake in it: what TLC found is on record",
			Judge: ByRecord,
			Why:   "it alone judges the design, not the code", Sees: protocolOnly,
		},
		{
			Name: "explorer", What: "every state of the small models, breadth first, compared " +
				"with TLC's counts and graphs",
			Why:     "it judges the protocol without any runtime",
			Package: "model", Sees: protocolOnly, Compares: true,
			Run: "^(TestExplorerAgreesWithTLC|TestGraphsAreTLCs)$", Args: short,
		},
		{
			Name: "exhaustive", What: "two groups under every schedule, three and four under " +
				"every schedule with few interruptions",
			Why: "it leaves nothing out within its bounds, and reports how many schedules " +
				"that were",
			Package: "fuzz", Sees: below,
			Run:  "^(TestTwoGroupsExhaustively|TestMoreGroups|TestSafepointsAreEnough)$",
			Args: short,
		},
		{
			Name: "pairs", What: "every pair of actions, and every action cancelled, under every " +
				"schedule with few interruptions",
			Why:     "it leaves no pair of actions out, and no point of cancellation",
			Package: "fuzz", Sees: below, Run: "^(TestEveryPair|TestCancelEverywhere)$",
			Args: short,
		},
		{
			Name: "random", What: "random programs under random and PCT schedules",
			Why:     "it reaches longer programs than the others, and shrinks them",
			Package: "fuzz", Sees: below, Run: "^(TestRandomPrograms|TestRandomSchedules)$",
			Args: []string{"-test.short", "-rapid.checks=1500", "-rapid.nofailfile",
				"-rapid.shrinktime=1s"},
		},
		{
			Name: "unit", What: "the runtime's own tests with real goroutines",
			Why:     "what fails in it is the shortest to read",
			Package: "linker/coord", Sees: below, Run: "^(" + unitTests + "|TestEnter)", Own: "^(" +
				unitTests + ")",
		},
		{
			Name: "synctest",
			What: "waiting, waking, cancellation and time-outs in virtual time with real " +
				"goroutines",
			Why:     "only there a wait of hours is over at once",
			Package: "linker/coord", Sees: below,
			Run: "^(TestWaitEnds|TestWaitIs|TestWaiterKeeps|TestReferenceBackoff|TestBackoff|" +
				"TestPolling|TestCancelledWaiter)",
		},
		{
			Name: "stress", What: "many real goroutines that do everything at once",
			Why: "it has no opinion on what can go wrong, and it is what the race detector " +
				"watches",
			Package: "linker/coord", Sees: below, Run: "^TestStress$",
		},
		{
			Name: "race", What: "the same under the race detector, whose reports alone count",
			Judge:   ByRaceDetector,
			Why:     "what it finds need not have done any harm yet",
			Package: "linker/coord", Sees: below, Run: "^TestStress$/^notified$",
		},
		{
			Name: "trace", What: "what the protocol did under random programs on the real " +
				"linker, replayed by the sound protocol", Judge: ByTraces,
			Why:     "it alone asks whether what the runtime did is what the specification allows",
			Package: "lincheck/drive", Sees: all, Compares: true, Run: "^" + tracing + "$",
			Args: short,
		},
		{
			Name: "porcupine",
			What: "histories of random programs on the real linker, judged by the sequential " +
				"model",
			Why:     "it needs no idea of how the linker works, only of what a caller may see",
			Package: "lincheck/drive", Sees: all,
			Run: "^(TestHistoriesOfTheLinkerAreLinearizable|TestNumberedPrograms|" +
				"TestSharedHandles)$",
			Args: short,
		},
		{
			Name: "adversary", What: "programs that mean harm: all of the API at once, and " +
				"everything is ended in the middle",
			Why:     "it alone does what no program should",
			Package: "fuzz/adversary", Sees: all, Run: "^TestAdversary$",
		},
		{
			Name: "linked", What: "the linker on wazero under the controlled scheduler",
			Why:     "it leaves no schedule out",
			Package: "fuzz/linked", Sees: []string{linkerFolder}, Run: "^Test", Args: short,
		},
		{
			Name: "graphs", What: "random graphs of generated libraries, opened, called and " +
				"closed in many groups, and compared with an oracle after every step",
			Why:     "it alone links graphs that no person thought of",
			Package: "fuzz/graphs", Sees: []string{linkerFolder}, Run: "^TestGraphs$",
			Args: []string{"-rapid.checks=60", "-rapid.seed=1", "-rapid.nofailfile",
				"-rapid.shrinktime=1s"},
		},
		{
			Name: "linker", What: "the linker's own tests, on real modules",
			Why:     "what fails in it is nearest to the mistake",
			Package: "linker", Sees: []string{linkerFolder}, Run: "^Test",
			Args: append([]string{"-test.skip=" + notLinkerTests}, short...),
		},
		{
			Name: "format", What: "what reads, validates and changes modules, on the " +
				"specification's tests and on mutants",
			Why:     "it alone asks what a module may hold that no compiler writes",
			Package: "linker/internal/wasm", Sees: []string{"linker/internal/wasm"}, Run: "^Test",
			Args: short,
		},
		{
			Name: "binding", What: "how imports are bound, on modules of a few lines",
			Why:     "it alone asks it without an engine",
			Package: "linker/internal/resolve", Sees: []string{"linker/internal/resolve"},
			Run: "^Test",
		},
		{
			Name: "steps", What: "the changes of a group, made, failed and undone at random",
			Why:     "it alone compares a group with itself after a change that failed",
			Package: "linker/internal/space", Sees: []string{"linker/internal/space"}, Run: "^Test",
		},
		{
			Name: "ranges", What: "free ranges, compared with single units",
			Why:     "it alone has more ranges than a table or a heap gets in a test",
			Package: "linker/internal/spans", Sees: []string{"linker/internal/spans"}, Run: "^Test",
		},
		{
			Name: "records", What: "what an image knows of its modules, without any module",
			Why:     "it alone asks an earlier snapshot when there is a later one",
			Package: "linker/internal/image", Sees: []string{"linker/internal/image"}, Run: "^Test",
		},
		{
			Name: "guests", What: "the functions of guests, on a linker that is made up",
			Why:     "it alone has a linker that fails as a test wants it to",
			Package: "linker/internal/guestabi", Sees: []string{"linker/internal/guestabi"},
			Run: "^Test",
		},
		{
			Name: "presence", What: "calls that nest and contexts that are kept, in a group that " +
				"is made up",
			Why:     "it alone has every nesting, and every schedule of two goroutines",
			Package: "linker/internal/presence", Sees: []string{"linker/internal/presence"},
			Run: "^Test",
		},
		{
			Name: "programs", What: "whole programs in C, compared with what they do natively",
			Why:     "it alone knows what C programs expect of a linker",
			Package: "programs", Sees: []string{linkerFolder},
			Run:  "^Test(Command|Position|CloseEnds|ExitOfOne|Scenarios|Libraries|Main|Standard)",
			Args: short,
		},
		{
			Name: "race linked", What: "the linker's tests with several goroutines under the " +
				"race detector, whose reports alone count", Judge: ByRaceDetector,
			Why:     "what it finds need not have done any harm yet",
			Package: "linker", Sees: []string{linkerFolder},
			Run: "^(TestConcurrent|TestThreads|TestSymbolLooksAgain|TestAtomics|TestCloseWhile|" +
				"TestGroupsClose|TestSpawnWhile|TestLooksWhile)",
			Args: short,
		},
	}
}

// unitTests are the tests of linker/coord that need neither virtual time nor much of the real one.
// TestEnter is one more: it looks for the door that the specification has.
const unitTests = "TestLink|TestFailed|TestPanic|TestCancelBefore|TestCancelAfter|" +
	"TestWaitersTakePart|TestCrash|TestLeader|TestToken|TestRequests|TestClosures|TestKilled|" +
	"TestAwaitOut|TestCommit|TestWanted|TestGateIs|TestGateP|TestHoldIs|TestSlotIs"

// notLinkerTests are the tests of package linker that say nothing of the linker: those of the
// fixtures and the stock modules.
const notLinkerTests = "^(TestFixture|TestStock|TestFalliblesAreComplete)"

// Detect finds a detector by its name; false if there is none.
func Detect(name string) (Detector, bool) {
	for _, d := range Detectors() {
		if d.Name == name {
			return d, true
		}
	}
	return Detector{}, false
}

// CanSee tells whether a detector can find the fault: it runs the code in which it is, there is a
// record of it, or, for the race detector, there is a lock missing.
func (d Detector) CanSee(f Fault) bool {
	switch {
	case d.Judge == ByRecord:
		return f.TLC != ""
	case d.Judge == ByRaceDetector && !f.Unsynchronised:
		return false
	case d.Compares && f.Specified:
		return false
	}
	return slices.ContainsFunc(f.Changes, func(c Change) bool { return d.sees(path.Dir(c.File)) })
}

// sees tells whether the detector runs the code of a folder. What is internal to the linker belongs
// to it.
func (d Detector) sees(folder string) bool {
	return slices.Contains(d.Sees, folder) ||
		strings.HasPrefix(folder, linkerFolder+"/internal/") &&
			slices.Contains(d.Sees, linkerFolder)
}

// tests is which tests run on a fault: the argument of -run.
func (d Detector) tests(f Fault) string {
	if f.Specified && d.Own != "" {
		return d.Own
	}
	return d.Run
}

// Has tells whether a test function belongs to the detector.
func (d Detector) Has(test string) bool {
	return slices.ContainsFunc([]string{d.Run, d.Own}, func(run string) bool {
		function, _, _ := strings.Cut(run, "/")
		return run != "" && regexp.MustCompile(function).MatchString(test)
	})
}
