package faults

import (
	"path"
	"regexp"
	"slices"
	"time"
)

// Detector is a set of tests of one package.
type Detector struct {
	Name    string
	What    string   // what it looks at
	Why     string   // why it is kept even if others catch all that it does
	Package string   // path in the repository
	Sees    []string // the folders whose faults it can see
	Run     string   // which tests: the argument of -run
	Args    []string
	Limit   time.Duration // beyond which it counts as hanging, which is a catch
}

// The folders that faults are in.
const (
	linkerFolder   = "linker"
	coordFolder    = "linker/coord"
	protocolFolder = "linker/protocol"
)

// Detectors is the list of all detectors, the columns of the table.
func Detectors() []Detector {
	return []Detector{
		{
			Name: "explorer", What: "every state of the small models, breadth first, compared with TLC's counts",
			Why:     "it judges the protocol without any runtime",
			Package: "model", Sees: []string{protocolFolder}, Run: "^(TestExploreHoldsEverywhere|TestExplorerAgreesWithTLC)$", Args: []string{"-test.short"}, Limit: time.Minute,
		},
		{
			Name: "exhaustive", What: "two groups under every schedule, three and four under every schedule with few interruptions",
			Why:     "it leaves nothing out within its bounds, and reports how many schedules that were",
			Package: "fuzz", Sees: []string{protocolFolder, coordFolder}, Run: "^(TestTwoGroupsExhaustively|TestMoreGroups|TestSafepointsAreEnough)$", Args: []string{"-test.short"}, Limit: time.Minute,
		},
		{
			Name: "pairs", What: "every pair of actions, and every action cancelled, under every schedule with few interruptions",
			Why:     "it leaves no pair of actions out, and no point of cancellation",
			Package: "fuzz", Sees: []string{protocolFolder, coordFolder}, Run: "^(TestEveryPair|TestCancelEverywhere)$", Args: []string{"-test.short"}, Limit: time.Minute,
		},
		{
			Name: "random", What: "random programs under random and PCT schedules",
			Why:     "it reaches longer programs than the others, and shrinks them",
			Package: "fuzz", Sees: []string{protocolFolder, coordFolder}, Run: "^(TestRandomPrograms|TestRandomSchedules)$", Args: []string{"-test.short", "-rapid.checks=1500", "-rapid.nofailfile", "-rapid.shrinktime=1s"}, Limit: time.Minute,
		},
		{
			Name: "unit", What: "the runtime's own tests with real goroutines",
			Why:     "what fails in it is the shortest to read",
			Package: "linker/coord", Sees: []string{protocolFolder, coordFolder}, Run: unitTests, Limit: 10 * time.Second,
		},
		{
			Name: "synctest", What: "waiting, waking, cancellation and time-outs in virtual time with real goroutines",
			Package: "linker/coord", Sees: []string{protocolFolder, coordFolder}, Run: "^(TestWaitEnds|TestWaitIs|TestWaiterKeeps|TestReferenceBackoff|TestBackoff|TestPolling|TestCancelledWaiter)", Limit: 10 * time.Second,
		},
		{
			Name: "stress", What: "many real goroutines that do everything at once",
			Why:     "it has no opinion on what can go wrong, and it runs under the race detector",
			Package: "linker/coord", Sees: []string{protocolFolder, coordFolder}, Run: "^TestStress$", Limit: 10 * time.Second,
		},
		{
			Name: "linked", What: "the linker on wazero under the controlled scheduler",
			Package: "fuzz/linked", Sees: []string{linkerFolder}, Run: "^Test", Args: []string{"-test.short"}, Limit: time.Minute,
		},
	}
}

// unitTests are the tests of linker/coord that need neither virtual time nor much of the real one.
const unitTests = "^(TestLink|TestFailed|TestPanic|TestCancelBefore|TestCancelAfter|TestWaitersTakePart|TestCrash|TestLeader|TestToken|TestRequests|TestClosures)"

// Detect finds a detector by its name; false if there is none.
func Detect(name string) (Detector, bool) {
	for _, d := range Detectors() {
		if d.Name == name {
			return d, true
		}
	}
	return Detector{}, false
}

// CanSee tells whether a detector runs code in which the fault is.
func (d Detector) CanSee(f Fault) bool {
	return slices.ContainsFunc(f.Edits, func(e Edit) bool { return slices.Contains(d.Sees, path.Dir(e.File)) })
}

// Has tells whether a test function belongs to the detector.
func (d Detector) Has(test string) bool { return regexp.MustCompile(d.Run).MatchString(test) }
