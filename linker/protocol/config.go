package protocol

import "fmt"

// Features are the things that can happen besides linking: Features in the
// specification. A model that leaves one out is smaller.
type Features uint8

// The features.
const (
	FeaturePark Features = 1 << iota
	FeatureCancel
	FeatureCrash
	FeatureSpawn
	FeatureDetach
	FeatureFailApply
	FeatureFailUndo

	AllFeatures = FeaturePark | FeatureCancel | FeatureCrash | FeatureSpawn | FeatureDetach |
		FeatureFailApply | FeatureFailUndo
)

var featureNames = []string{"Park", "Cancel", "Crash", "Spawn", "Detach", "FailApply", "FailUndo"}

// ParseFeature finds a feature by its name in the specification.
func ParseFeature(name string) (Features, error) {
	i, err := indexOf(featureNames, name, "feature")
	if err != nil {
		return 0, err
	}
	return 1 << i, nil
}

// Guards are guards that are switched off: Off in the specification. Each
// models a mistake that a linker could make (and that some linker made); the
// protocol itself is 0.
type Guards uint32

// The guards that can be switched off.
const (
	// a group that waits for the state lock takes no part: a naive blocking lock
	OffCooperate    Guards = 1 << iota
	OffPublishLease        // link without the lease
	OffSecondEpoch         // commit without waiting for all
	OffGoOnTogether        // a participant goes on as soon as it has applied itself
	OffAttachLease         // a child is built without the lease
	// leave without the state lock, and so without taking part
	OffLeaveTakesPart
	// sleepers are looked at once, when the operation is published: a lost wake-up
	OffLateClaim
	OffLeaseUntilCommit // the lease falls at the broadcast
	OffSecondLookup     // no group looks again after taking the lock
	OffStickyPoison     // poison wears off
	OffLockOrder        // ask for the lease while holding the state lock
	OffUnparkGuard      // run again in the middle of an operation
	// the write lock falls before the read locks are taken: the reference's gap
	OffDowngrade
	OffFirstCome // any group in a queue may be next
	// who dies in the middle of an operation is still waited for
	OffCrashEndsPart
	OffCancelUndoes // a cancelled request leaves its local work behind
	// who wants to get in has to find the moment between two operations
	OffWake
)

var guardNames = []string{"Cooperate", "PublishLease", "SecondEpoch", "GoOnTogether", "AttachLease",
	"LeaveTakesPart", "LateClaim",
	"LeaseUntilCommit", "SecondLookup", "StickyPoison", "LockOrder", "UnparkGuard", "Downgrade",
	"FirstCome", "CrashEndsPart", "CancelUndoes", "Wake"}

// ParseGuard finds a guard by its name in the specification.
func ParseGuard(name string) (Guards, error) {
	i, err := indexOf(guardNames, name, "guard")
	if err != nil {
		return 0, err
	}
	return 1 << i, nil
}

func indexOf(names []string, name, what string) (int, error) {
	for i, n := range names {
		if n == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: %s %q", ErrUnknownName, what, name)
}

// Config holds the constants of the specification.
type Config struct {
	Groups   uint8    // how many slots for groups there are: 1 to MaxGroups
	Initial  uint8    // how many groups exist at the start: the first of them
	MaxLog   uint8    // the length of the log at which all groups forget it: 1 to LogCapacity
	Batch    uint32   // closure slots that one AllocateFunctionTable adds
	MaxTable uint32   // closure slots that may exist at most
	Features Features // what can happen
	Off      Guards   // guards that are switched off
}

// Validate tells what is wrong with the configuration: an error that is ErrConfig, or nil.
func (c Config) Validate() error {
	switch {
	case c.Groups < 1 || c.Groups > MaxGroups:
		return fmt.Errorf("%w: %d groups, want 1 to %d", ErrConfig, c.Groups, MaxGroups)
	case c.Initial > c.Groups:
		return fmt.Errorf("%w: %d initial groups of %d", ErrConfig, c.Initial, c.Groups)
	case c.MaxLog < 1 || c.MaxLog > LogCapacity:
		return fmt.Errorf("%w: a log of %d, want 1 to %d", ErrConfig, c.MaxLog, LogCapacity)
	}
	return nil
}

// Names lists the guards, in the order of the specification.
func (g Guards) Names() []string { return namesOf(guardNames, uint64(g)) }

// namesOf lists the names of the bits that are set.
func namesOf(names []string, bits uint64) (set []string) {
	for i, name := range names {
		if bits&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return set
}

// AllGuards lists every guard that can be switched off.
func AllGuards() []Guards {
	all := make([]Guards, len(guardNames))
	for i := range all {
		all[i] = 1 << i
	}
	return all
}
