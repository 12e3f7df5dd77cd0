// Package process runs a command as a process of its own: with signals, and with an exit status.
package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Grace is how long a command has after a signal to print what was done so far.
const Grace = 900 * time.Millisecond

// StatusSignal is the exit status after a signal, less the signal's number, as shells have it.
const StatusSignal = 128

// SignalError is the cause of the end of a command's context.
type SignalError struct{ Signal syscall.Signal }

// Error implements the error interface.
func (e *SignalError) Error() string { return "stopped: " + e.Signal.String() }

// Unsupervised has SIGINT and SIGTERM end the process at once from now on, as the operating system
// does it. It is for commands that run a guest for as long as it likes: when the garbage collector
// stops the world it waits for a guest's loop, and no goroutine would see the signal meanwhile.
func Unsupervised() { signal.Reset(os.Interrupt, syscall.SIGTERM) }

// Main is a command without the process around it. It returns the exit status.
type Main func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// Supervise runs a command and returns its exit status. SIGINT and SIGTERM end its context; if it
// is not over after a grace, or at the second signal, the process ends without it. A closed pipe is
// an error like any other that writing returns, not a signal.
func Supervise(command Main, args []string, stdout, stderr io.Writer) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done := make(chan int, 1)
	go func() { done <- command(ctx, args, stdout, stderr) }()
	select {
	case status := <-done:
		return status
	case s := <-signals:
		number, _ := s.(syscall.Signal)
		cancel(&SignalError{number})
		select {
		case status := <-done:
			return status
		case <-signals:
		case <-time.After(Grace):
		}
		fmt.Fprintln(stderr, "lockstep: stopped:", s)
		return StatusSignal + int(number)
	}
}
