package lincheck

import (
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/model"
)

// MalformedError says that a history is not one that a Recorder can have made of a whole run, so
// that no verdict on the linker can be drawn from it.
type MalformedError struct {
	// Problem says what is wrong.
	Problem string
	// Operations are the positions in History.Operations that it is about.
	Operations []int
}

// Error is the problem with the positions of the operations.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("lincheck: malformed history: operations %v: %s", e.Operations, e.Problem)
}

// Validate checks what every check relies on, and returns the first fault as a *MalformedError (or
// the universe's as a *model.UniverseError): every operation has a stamped call and return, or an
// unknown outcome; it has one outcome only; the operations of a client do not overlap; the history
// starts with the linker's start: no operation uses a handle that none has returned before, or a
// group that none has spawned, unless it fails.
func (h *History) Validate() error {
	if err := h.Universe.Validate(); err != nil {
		return err
	}
	order := byCall(h.Operations)
	lastOf := make(map[int]int) // by client
	for _, i := range order {
		op := &h.Operations[i]
		if problem := op.fault(); problem != "" {
			return &MalformedError{problem, []int{i}}
		}
		if last, ok := lastOf[op.Client]; ok && h.Operations[last].Return >= op.Call {
			return &MalformedError{fmt.Sprintf("they overlap, and both are of client %d",
				op.Client), []int{last, i}}
		}
		lastOf[op.Client] = i
	}
	return h.validateStart(order)
}

// fault says what is wrong with an operation on its own.
func (o *Operation) fault() string {
	failed, trapped := o.Output.Err != "", o.Output.Trap != ""
	switch {
	case !o.Input.Op.Known():
		return "no such operation"
	case o.Client < 0:
		return "the client's number is negative"
	case o.Call < 0:
		return "the call has a negative stamp"
	case o.Return < o.Call:
		return "it returns before it is called"
	case (o.Return == Never) != o.Output.Unknown:
		return "an operation without a return has an unknown outcome, and no other"
	case failed && trapped, o.Output.Unknown && (failed || trapped || o.Output.Number() != 0):
		return "it has two outcomes"
	case trapped && o.Input.Op != model.OpCall && o.Input.Op != model.OpCallPointer:
		return "only calls trap"
	}
	return ""
}

// validateStart looks for uses of what has not been returned by then. The returns are walked
// through in their order, beside the calls.
func (h *History) validateStart(order []int) error {
	byReturn := slices.Clone(order)
	slices.SortStableFunc(byReturn,
		func(a, b int) int { return compare(h.Operations[a].Return, h.Operations[b].Return) })
	handles := make(map[model.Handle]bool)
	groups := map[int]bool{h.Universe.FirstGroup: true}
	returned := 0
	for _, i := range order {
		op := &h.Operations[i]
		for ; returned < len(byReturn) &&
			h.Operations[byReturn[returned]].Return <= op.Call; returned++ {
			earlier := &h.Operations[byReturn[returned]]
			switch {
			case earlier.Output.Err != "":
			case earlier.Input.Op == model.OpOpen:
				handles[earlier.Output.Handle] = true
			case earlier.Input.Op == model.OpSpawn:
				groups[earlier.Output.Group] = true
			}
		}
		if op.Output.Err != "" {
			continue // clients may try what cannot work
		}
		if !groups[op.Input.Group] {
			return &MalformedError{fmt.Sprintf("group %d has not been spawned", op.Input.Group),
				[]int{i}}
		}
		usesHandle := op.Input.Op == model.OpClose || op.Input.Op == model.OpSymbol ||
			op.Input.Op == model.OpCall || op.Input.Op == model.OpSetClosure
		if usesHandle && op.Input.Handle != 0 && !handles[op.Input.Handle] {
			return &MalformedError{fmt.Sprintf("handle #%d has not been returned", op.Input.Handle),
				[]int{i}}
		}
	}
	return nil
}

// checkNumbers looks for violations that the commit numbers show on their own: a number given out
// twice, or an order of numbers that real time contradicts. Nil if there are none. It takes O(n log
// n) steps.
func checkNumbers(h *History, order []int) *finding {
	committed := make(map[uint64]int)
	for _, i := range order {
		commit := h.Operations[i].Output.Commit
		if commit == 0 || h.Operations[i].number() == 0 {
			continue
		}
		if first, ok := committed[commit]; ok {
			return &finding{ops: []int{first, i},
				text: fmt.Sprintf("commit number %d was given out twice", commit)}
		}
		committed[commit] = i
	}

	byReturn := slices.Clone(order)
	slices.SortStableFunc(byReturn,
		func(a, b int) int { return compare(h.Operations[a].Return, h.Operations[b].Return) })
	newest, returned := -1, 0 // newest has the highest number of those that have returned
	for _, i := range order {
		op := &h.Operations[i]
		for ; returned < len(byReturn) &&
			h.Operations[byReturn[returned]].Return < op.Call; returned++ {
			if r := byReturn[returned]; newest < 0 ||
				h.Operations[r].number() > h.Operations[newest].number() {
				newest = r
			}
		}
		if newest < 0 || op.number() == 0 {
			continue
		}
		seen := h.Operations[newest].number()
		switch {
		case op.Output.Commit != 0 && op.number() <= seen:
			return &finding{ops: []int{newest, i}, text: fmt.Sprintf(
				"the commit order contradicts real time: commit %d began after number %d had "+
					"been returned", op.number(), seen)}
		case op.number() < seen:
			return &finding{ops: []int{newest, i}, text: fmt.Sprintf(
				"a stale read: it began after number %d had been returned, and read at %d", seen,
				op.number())}
		}
	}
	return nil
}
