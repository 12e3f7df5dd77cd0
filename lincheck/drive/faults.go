package drive

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// ErrFault is the error of files that fail on purpose; see FailingFiles.
var ErrFault = errors.New("drive: a fault of the environment")

// ClassFault is what operations end with because of it.
const ClassFault model.ErrorClass = "fault"

// WithFaults returns a world whose environment is not sound. Of a hundred files that are read, so
// many fail and so many others are slow. Any operation may then fail because of a file, or for lack
// of memory or of table entries. A program in which traps kill needs a linker whose configuration
// says so (linker.Config.WithTrapClosesGroup): its clients let the groups that they spawn die.
func (w World) WithFaults(seed uint64, percent int, trapsKill bool) World {
	w.Files = &FailingFiles{Files: w.Files, Spared: []string{w.Main}, Percent: percent, Seed: seed}
	rules := &w.Universe.Rules
	rules.TrapKillsGroup = trapsKill
	rules.Tolerate = append(slices.Clone(rules.Tolerate), ClassFault, model.ClassNoSpace)
	return w
}

// FailingFiles is a file system in which some files cannot be opened, another one each time, and
// some take long. It is safe for concurrent use.
type FailingFiles struct {
	Files   fs.FS
	Spared  []string // files that never fail
	Percent int      // of all openings, that fail; as many are slow
	Seed    uint64

	opened atomic.Uint64
	failed atomic.Uint64
}

// slowness is how often the scheduler is asked to run another task while a slow file is opened.
const slowness = 1000

// Open implements fs.FS. The error of a file that fails wraps ErrFault.
func (f *FailingFiles) Open(name string) (fs.File, error) {
	if slices.Contains(f.Spared, name) {
		return f.Files.Open(name)
	}
	n := rand.New(rand.NewPCG(f.Seed, f.opened.Add(1))).IntN(100)
	switch {
	case n < f.Percent:
		f.failed.Add(1)
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrFault}
	case n < 2*f.Percent:
		for range slowness {
			runtime.Gosched()
		}
	}
	return f.Files.Open(name)
}

// Stat implements fs.StatFS. It never fails on purpose: the files are there.
func (f *FailingFiles) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.Files, name) }

// Failed is how many openings have failed.
func (f *FailingFiles) Failed() uint64 { return f.failed.Load() }

// mayTrap tells whether the client may call what traps: if that kills, only in a group that is its
// own.
func (c *client) mayTrap() bool { return !c.s.universe.Rules.TrapKillsGroup || c.child != nil }

// endFailed notes the end of a call that failed, with its number if there is one. If it killed the
// group, the client has none of its own any more.
func (c *client) endFailed(out model.Output, r linker.Receipt) {
	c.endWith(out, r)
	if out.Trap != "" && c.s.universe.Rules.TrapKillsGroup {
		c.child = nil
	}
}
