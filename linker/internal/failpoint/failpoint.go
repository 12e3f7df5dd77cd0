// Package failpoint names the places in the linker's work at which a test can make it fail.
//
// It is for tests: each fails the work at every point, in the leader and in a follower, and
// compares the image before and after. The package may use nothing of the linker, and has no data:
// the function that is called is a part of the configuration, which does not change.
package failpoint

import "context"

// Point names a place in the linker's work at which it can fail. Tests interfere there: see
// [Inject].
type Point string

// The points, in the order in which a load comes to them. Each is reached before what it names is
// done, unless it says otherwise.
const (
	Read           Point = "read a file"
	Decode         Point = "decode a module"
	Compile        Point = "compile a module"
	Bind           Point = "bind a module's imports"
	Memory         Point = "take a data area"
	Slots          Point = "take table entries"
	ImportShim     Point = "compile an import shim"
	GrowMemory     Point = "grow the memory"
	ThreadLocal    Point = "take thread-local storage"
	Data           Point = "write a module's data"
	GrowTables     Point = "grow the tables"
	OpenImportShim Point = "instantiate an import shim"
	Instantiate    Point = "instantiate a module"
	Started        Point = "a module is instantiated" // after its start function
	InitTLS        Point = "initialise thread-local storage"
	PLT            Point = "fill a module's PLT"
	TableWriter    Point = "instantiate a table writer"
	Put            Point = "put a function into a slot"
	PutPLT         Point = "put a function into the PLT"
	Applied        Point = "a step is applied" // after it, in the leader and in every follower
	Relocate       Point = "relocate or construct"
	Constructed    Point = "relocated or constructed" // after it
	Publish        Point = "publish"
	Replay         Point = "replay"
	Replayed       Point = "replayed" // after it
	Unload         Point = "unload"
	Stack          Point = "take a stack"
	Added          Point = "add a group"
	Build          Point = "build a group"
	Built          Point = "a group is built" // after it
)

// Inject is called at every point, with the *linker.Group in which the work is done, which is nil
// for work that belongs to no group. An error is that of the work. Nil injects nothing. It is
// called by the goroutine that does the work, perhaps with locks of the linker held.
type Inject func(ctx context.Context, group any, p Point) error

// At injects at a point.
func (f Inject) At(ctx context.Context, group any, p Point) error {
	if f == nil {
		return nil
	}
	return f(ctx, group, p)
}
