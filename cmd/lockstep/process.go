package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// grace is how long a command has after a signal to print what was done so far.
const grace = 900 * time.Millisecond

// signalError is the cause of the end of a command's context.
type signalError struct{ signal syscall.Signal }

// Error implements the error interface.
func (e *signalError) Error() string { return "stopped: " + e.signal.String() }

// mainFunc is what run is.
type mainFunc func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// supervise runs a command and returns its exit status. SIGINT and SIGTERM end its context; if it
// is not over after a grace, or at the second signal, the process ends without it. A closed pipe is
// an error like any other that writing returns, not a signal.
func supervise(command mainFunc, args []string, stdout, stderr io.Writer) int {
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
		cancel(&signalError{number})
		select {
		case status := <-done:
			return status
		case <-signals:
		case <-time.After(grace):
		}
		fmt.Fprintln(stderr, "lockstep: stopped:", s)
		return statusSignal + int(number)
	}
}
