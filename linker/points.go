package linker

import "context"

// point names a place in the linker's work at which it can fail. Tests interfere there: see hook.
type point string

// The points, in the order in which a load comes to them. Each is reached before what it names is
// done, unless it says otherwise.
const (
	pointRead        point = "read a file"
	pointDecode      point = "decode a module"
	pointCompile     point = "compile a module"
	pointBind        point = "bind a module's imports"
	pointMemory      point = "take a data area"
	pointSlots       point = "take table entries"
	pointBridge      point = "compile a bridge"
	pointGrowMemory  point = "grow the memory"
	pointThreadLocal point = "take thread-local storage"
	pointData        point = "write a module's data"
	pointGrowTables  point = "grow the tables"
	pointOpenBridge  point = "instantiate a bridge"
	pointInstantiate point = "instantiate a module"
	pointStarted     point = "a module is instantiated" // after its start function
	pointInitTLS     point = "initialise thread-local storage"
	pointLinks       point = "fill a module's links"
	pointPutter      point = "instantiate a putter"
	pointPut         point = "put a function into a slot"
	pointLink        point = "put a function into a link"
	pointApplied     point = "a step is applied" // after it, in the leader and in every follower
	pointRelocate    point = "relocate or construct"
	pointConstructed point = "relocated or constructed" // after it
	pointPublish     point = "publish"
	pointReplay      point = "replay"
	pointReplayed    point = "replayed" // after it
	pointUnload      point = "unload"
	pointStack       point = "take a stack"
	pointBuild       point = "build a group"
	pointBuilt       point = "a group is built" // after it
)

// hook is called at every point, with the group in which the work is done, nil when it is nobody's.
// An error is that of the work. Only tests have one.
type hook func(ctx context.Context, g *Group, p point) error

// at calls the hook, if there is one.
func (l *Linker) at(ctx context.Context, g *Group, p point) error {
	if l.config.hook == nil {
		return nil
	}
	return l.config.hook(ctx, g, p)
}
