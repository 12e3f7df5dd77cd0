package coord

import (
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

var (
	// ErrGroupClosed is the error of a call in a group that has left or died.
	ErrGroupClosed = errors.New("coord: the instance group is closed")
	// ErrPoisoned is the error of every call after an operation could not be
	// undone. errors.As finds the *PoisonError with its first cause.
	ErrPoisoned = errors.New("coord: the process image is poisoned")
	// ErrReentrant is the error of a request by a group that has one already.
	ErrReentrant = errors.New("coord: the instance group is already in a request")
	// ErrReplaying is the error of a request by a group that replays an
	// operation: it could only be granted when the replay is over.
	ErrReplaying = errors.New("coord: the instance group replays an operation")
	// ErrTokenReleased is the error of using a token that was released or handed over.
	ErrTokenReleased = errors.New("coord: the token was released")
	// ErrTooManyGroups is the error of a spawn beyond Config.MaxGroups.
	ErrTooManyGroups = errors.New("coord: too many instance groups")
	// ErrCrashed is the cause of the death of a group that was crashed without a cause.
	ErrCrashed = errors.New("coord: the instance group crashed")
	// ErrNotLocked is the error of a closure request outside of WithState.
	ErrNotLocked = errors.New("coord: the state lock is not held")
)

// PoisonError tells why the image is unusable. It is ErrPoisoned.
type PoisonError struct {
	Group protocol.Group // the group that could not undo
	Apply error          // why the operation had to be undone
	Undo  error          // why it could not be
}

func (e *PoisonError) Error() string {
	return fmt.Sprintf("%v: group %s could not undo an operation: %v (it had failed with: %v)",
		ErrPoisoned, e.Group, e.Undo, e.Apply)
}

// Unwrap makes a PoisonError ErrPoisoned, and both of its causes.
func (e *PoisonError) Unwrap() []error { return []error{ErrPoisoned, e.Apply, e.Undo} }

// ReplayError is the error of an operation that a participant could not apply
// and that was undone everywhere.
type ReplayError struct {
	Group protocol.Group // the first group that failed
	Err   error
}

func (e *ReplayError) Error() string {
	return fmt.Sprintf("coord: replaying the operation in group %s: %v", e.Group, e.Err)
}

func (e *ReplayError) Unwrap() error { return e.Err }

// CrashError is the error of a group that died: ErrGroupClosed, and the cause.
type CrashError struct {
	Group protocol.Group
	Cause error
}

func (e *CrashError) Error() string { return fmt.Sprintf("%v: %v", ErrGroupClosed, e.Cause) }

// Unwrap makes a CrashError ErrGroupClosed, and its cause.
func (e *CrashError) Unwrap() []error { return []error{ErrGroupClosed, e.Cause} }

// PanicError is the cause of a group that died because its replay panicked.
type PanicError struct{ Value any }

func (e *PanicError) Error() string {
	return fmt.Sprintf("coord: panic while replaying: %v", e.Value)
}

// Unwrap is the panic's value, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
