// Package lincheck records what concurrent clients of the linker did and judges whether it was
// linearizable: whether every operation can be thought to have happened at one moment between its
// call and its return, so that the sequential model of package model explains all outcomes.
//
// Record with one Client per goroutine, then judge:
//
//	rec := lincheck.NewRecorder(universe, seed, lincheck.Ordered)
//	c := rec.Client() // one for each goroutine
//	c.Begin(model.Input{Op: model.OpOpen, Library: "liba.so"})
//	// … call the linker …
//	c.End(model.Output{Handle: 1, Commit: 1})
//	result := lincheck.Judge(rec.History(), lincheck.Limits{})
//
// The verdict is OK, Violation or Undecided; a check that ran into a limit is Undecided and never
// OK. Histories can be written to files, read again, and drawn.
//
// # History files
//
// The file format is JSON lines in UTF-8. The first line is the header:
//
//	{"format":"lockstep-history","version":3,"seed":42,"stamps":"ordered","universe":{…}}
//
// Each further line but the last is one operation, in any order:
//
//	{"client":0,"call":1,"return":4,"in":{"op":"open","library":"liba.so"},"out":{"handle":1,"commit":1}}
//
// The last line says that the history is complete; a file without it was truncated, and is refused:
//
//	{"end":true,"operations":1}
//
// "return" is absent exactly if the outcome is unknown ("out":{"unknown":true}). The fields of
// "universe", "in" and "out" are those of model.Universe, model.Input and model.Output; fields with
// their zero value may be absent. Unknown fields are errors, and so are empty lines and lines
// longer than 1 GiB.
//
// Files of the versions 1 and 2 are read and judged as well. They have no last line, so that
// nothing tells whether they are complete. In version 1 all libraries are global: "local",
// "no_load" and "next" must not be set. In both a library has one handle and closures are never
// set: there is neither "handle_per_open" nor the operation "set-closure". "early_signatures" is
// implied by "late_binding" in them. The version goes up whenever a reader that knows only the
// older ones would refuse, or judge otherwise, what may be in a file; what it meant before, an
// older file goes on to mean.
package lincheck

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-wasm/lockstep/model"
)

// Never is the return stamp of an operation whose outcome is unknown: it may have taken effect at
// any time after its call, or not at all.
const Never = math.MaxInt64

// Operation is one operation of one client.
type Operation struct {
	// Client did it. No client has two operations at the same time.
	Client int
	// Call and Return are the stamps of its beginning and end, not negative. They are the ends of a
	// closed interval: operations that share a stamp overlap.
	Call, Return int64
	Input        model.Input
	Output       model.Output
}

// String is the client, the interval and the operation in one line.
func (o Operation) String() string {
	end := "…"
	if o.Return != Never {
		end = fmt.Sprint(o.Return)
	}
	return fmt.Sprintf("client %d [%d, %s]: %s", o.Client, o.Call, end,
		model.Describe(o.Input, o.Output))
}

// number is the operation's place in the commit order, 0 if it has none. What a poisoned linker
// says is outside of it.
func (o *Operation) number() uint64 {
	if o.Output.Unknown || o.Output.Err == model.ClassPoisoned {
		return 0
	}
	return o.Output.Number()
}

// Stamps is the kind of clock that a history was recorded with.
type Stamps uint8

const (
	// Ordered stamps come from one atomic counter. No two are equal, so no overlap is assumed that
	// was none. But the counter synchronizes the clients, which hides data races of the linker from
	// the race detector.
	Ordered Stamps = iota
	// Plain stamps are nanoseconds of the monotonic clock. They synchronize nothing: use them to
	// hunt data races.
	Plain
)

var stampNames = []string{"ordered", "plain"}

// String returns the name that stands in files.
func (s Stamps) String() string {
	if int(s) < len(stampNames) {
		return stampNames[s]
	}
	return fmt.Sprintf("unknown(%d)", s)
}

// ErrStamps means that a name or a number is not that of a kind of stamps.
var ErrStamps = errors.New("lincheck: unknown stamps")

// MarshalText writes the name.
func (s Stamps) MarshalText() ([]byte, error) {
	if int(s) >= len(stampNames) {
		return nil, fmt.Errorf("%w: %d", ErrStamps, s)
	}
	return []byte(stampNames[s]), nil
}

// UnmarshalText reads the name; any other text is an error.
func (s *Stamps) UnmarshalText(text []byte) error {
	i := slices.Index(stampNames, string(text))
	if i < 0 {
		return fmt.Errorf("%w: %q", ErrStamps, text)
	}
	*s = Stamps(i)
	return nil
}

// History is a finished recording. Its operations stand in any order.
type History struct {
	// Universe is what the linker was given.
	Universe model.Universe
	// Seed is what the clients' programs were made from, so that they can be run again.
	Seed uint64
	// Stamps says what the stamps are.
	Stamps     Stamps
	Operations []Operation
}

// byCall lists the positions of the operations in the order of their calls.
func byCall(ops []Operation) []int {
	order := make([]int, len(ops))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if ops[a].Call != ops[b].Call {
			return compare(ops[a].Call, ops[b].Call)
		}
		return compare(ops[a].Return, ops[b].Return)
	})
	return order
}

func compare[T int | int64 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
