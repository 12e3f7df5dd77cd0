package coord

import (
	"context"
	"runtime"
	"time"
)

// Backoff is the reference's LinkerStateWriteBackoff: spin, then yield, then
// sleep for times that double up to a limit. The zero value does not wait at
// all; [ReferenceBackoff] has the reference's numbers. A Backoff is used by one
// goroutine; copy it to start again.
type Backoff struct {
	Spins        int           // first so many attempts that only look again
	Yields       int           // then so many that let other goroutines run
	InitialSleep time.Duration // then sleeps of InitialSleep, doubled each time,
	ShiftLimit   int           // at most so often,
	MaxSleep     time.Duration // and no longer than this

	step int
}

// ReferenceBackoff is the back-off with the numbers of the reference: 64 spins,
// 24 yields, then sleeps of 48 µs doubled at most 8 times, and at most 10 ms.
func ReferenceBackoff() Backoff {
	return Backoff{Spins: 64, Yields: 24, InitialSleep: 48 * time.Microsecond, ShiftLimit: 8,
		MaxSleep: 10 * time.Millisecond}
}

// Pause is what one failed attempt waits.
type Pause struct {
	Yield bool          // let other goroutines run
	Sleep time.Duration // sleep so long; 0: do not sleep
}

// Next tells how long to wait after one more failed attempt, and counts it.
func (b *Backoff) Next() Pause {
	step := b.step
	b.step++
	switch {
	case step < b.Spins:
		return Pause{}
	case step < b.Spins+b.Yields:
		return Pause{Yield: true}
	}
	shift := min(step-b.Spins-b.Yields, b.ShiftLimit, 62)
	sleep := b.InitialSleep << shift
	if sleep>>shift != b.InitialSleep || sleep > b.MaxSleep {
		sleep = b.MaxSleep
	}
	return Pause{Sleep: sleep}
}

// Wait waits as Next says. It returns the context's error when the context
// ends first.
func (b *Backoff) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	pause := b.Next()
	switch {
	case pause.Yield:
		runtime.Gosched()
	case pause.Sleep > 0:
		timer := time.NewTimer(pause.Sleep)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
