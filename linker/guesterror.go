package linker

import (
	"errors"
	"strings"

	"github.com/tetratelabs/wazero/sys"
)

// closeOnExit closes the group, or the whole image, if an error is an exit of the guest.
func (g *Group) closeOnExit(act *activation, err error) error {
	if err == nil || act.op != nil {
		return err
	}
	var exit *sys.ExitError
	if !errors.As(err, &exit) && (!g.l.config.trapCloses || !isTrap(err)) {
		return err
	}
	if exit != nil && !g.space.EngineClosed() {
		g.l.end(g, err)
	} else {
		g.die(err)
	}
	return err
}

// isTrap reports whether an error comes out of the guest, and not out of the linker's own checks.
func isTrap(err error) bool {
	var own *PointerError
	return !errors.As(err, &own)
}

// asPointerError recognises that a function pointer itself was wrong: the call of it trapped, and
// it is the only function on the guest's stack. wazero has no exported errors for these traps.
func asPointerError(pointer uint32, err error) error {
	if err == nil {
		return nil
	}
	trap, stack, _ := strings.Cut(err.Error(), "\nwasm stack trace:")
	if strings.Count(stack, "\n\t") != 1 {
		return err
	}
	for _, reason := range []string{"invalid table access", "indirect call type mismatch"} {
		if trap == "wasm error: "+reason {
			return &PointerError{Pointer: pointer, Reason: reason, Err: err}
		}
	}
	return err
}

func isExit(err error) bool {
	var exit *sys.ExitError
	return errors.As(err, &exit)
}

// end ends a group because its guest exits, and the whole image if that has threads.
func (l *Linker) end(g *Group, cause error) {
	g.die(cause)
	l.guestThreads.mu.Lock()
	used := l.guestThreads.used
	l.guestThreads.mu.Unlock()
	if !used {
		return
	}
	l.guestThreads.end(cause)
	for _, other := range l.groups.list() {
		other.die(cause) // closing the linker gives back what idle groups have
	}
}
