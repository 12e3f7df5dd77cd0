package linker

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// signal tells a goroutine that waits that there is something to look at.
type signal chan struct{}

// guestThread is a thread from its start to its end; guestThreads.mu guards group.
type guestThread struct {
	id     int32
	cancel context.CancelFunc
	group  *Group // nil until it is attached
}

// guestThreads are the threads that the guest has started, each a group with a goroutine of its
// own.
type guestThreads struct {
	mu     sync.Mutex // guards what follows, and the group of each thread
	used   bool       // a thread was started; it is never reset
	ending bool       // no more are started
	cause  error      // why ending is set
	last   int32      // number of the youngest; behind the highest comes 1
	live   map[int32]*guestThread
	none   chan struct{} // closed when there is none any more
	failed []error
}

// lateThread begins when the operation of its starter is over.
type lateThread struct {
	thread   *guestThread
	ctx      context.Context // cancelled when the thread has to end
	start    *image.Function
	argument uint32
}

// groupList is the groups of an image, from building to released.
type groupList struct {
	mu     sync.Mutex // guards groups; attention.mu is taken before it
	groups []*Group
}

// program is how the main module begins and ends, as far as the toolchain's functions in it tell.
//
// Its own C library runs what it has registered with atexit, and then flushes its streams. The
// destructors of libraries belong between the two, as in C, and the linker has those. So before
// anything else it registers a function of its own there: the first that is registered is the last
// that runs.
type program struct {
	// Decided by New, once.
	startConstructs bool // _start runs the constructors itself
	startDestroys   bool // _start runs the destructors itself
	// runs what the C library has registered, and flushes its streams
	dtors *image.Function
	flush *image.Function // fflush; nil if the main module exports none

	hooked atomic.Bool // the C library has the linker's function, and has not called it
	ended  atomic.Bool // what the C library has registered has run, or runs
}

// askedKey is an import, and the signature that it has.
type askedKey struct {
	importKey
	typ string
}

// guestLibrary is a library that a guest has opened. It has a method more than a Library, which is
// no business of the linker's users.
type guestLibrary struct{ *Library }

// Gone implements guestabi.Opened.
func (lib guestLibrary) Gone() bool { return lib.gone() }
