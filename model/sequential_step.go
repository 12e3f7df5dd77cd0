package model

import (
	"fmt"
	"slices"
)

// Step tells whether an operation asked for by in may have the outcome out in state s, and what the
// state is then. If it may not, the state is nil and the error is a *Refusal. Step changes neither
// s nor the slices of in and out, and always has the same answer for the same arguments.
//
// An operation whose outcome is unknown is always allowed, and takes effect as far as its effect
// follows from the input. (That it had no effect is covered by putting it after everything else.)
func (m *Sequential) Step(s *State, in Input, out Output) (*State, error) {
	if in.Op >= opCount {
		return nil, refuse(ReasonUnknownArgument, "", in.Op.String())
	}
	if out.Unknown {
		return m.stepUnknown(s, in), nil
	}
	if s.dead || (out.Err == ClassPoisoned && slices.Contains(m.rules.Tolerate, ClassPoisoned)) {
		return stepPoisoned(s, out)
	}
	t, err := stepNumber(s, out)
	if err != nil {
		return nil, err
	}
	if out.Err != "" && slices.Contains(m.rules.Tolerate, out.Err) {
		return t, nil
	}
	if !s.hasGroup(in.Group) {
		return expectError(t, out, ClassGroupClosed)
	}
	switch in.Op {
	case OpOpen:
		return m.stepOpen(t, in, out)
	case OpClose:
		return m.stepClose(t, in, out)
	case OpSymbol:
		return m.stepSymbol(t, in, out)
	case OpCall:
		return m.stepCall(t, in, out)
	case OpCallPointer:
		return m.stepCallPointer(t, in, out)
	case OpAllocateClosure:
		return stepAllocate(t, in, out)
	case OpFreeClosure:
		return stepFree(t, in, out)
	case OpSetClosure:
		return m.stepSet(t, in, out)
	case OpSpawn:
		return m.stepSpawn(t, out)
	default: // OpLeave
		if err := expectSuccess(out); err != nil {
			return nil, err
		}
		t = t.clone()
		t.removeGroup(in.Group)
		return t, nil
	}
}

func refuse(reason Reason, want, got string) *Refusal {
	return &Refusal{Reason: reason, Want: want, Got: got}
}

func stepPoisoned(s *State, out Output) (*State, error) {
	if out.Err != ClassPoisoned {
		return nil, refuse(ReasonPoisoned, "error "+string(ClassPoisoned), outcome(out))
	}
	if s.dead {
		return s, nil
	}
	t := s.clone()
	t.setDead()
	return t, nil
}

// stepNumber checks the place of the operation in the commit order. A commit must be above
// everything seen so far; a read must not be below. A read above the newest known commit is one
// whose commit was not reported, and from then on that commit is known.
func stepNumber(s *State, out Output) (*State, error) {
	number := out.Number()
	switch {
	case number == 0:
		return s, nil
	case out.Commit != 0 && (out.Err != "" || out.Trap != ""):
		return nil, refuse(ReasonNeedlessCommit, "",
			fmt.Sprintf("commit %d of a failure", out.Commit))
	case out.Commit != 0 && out.Commit <= s.commit:
		return nil, refuse(ReasonCommitOrder, fmt.Sprintf("more than %d", s.commit),
			fmt.Sprint(out.Commit))
	case number < s.commit:
		return nil, refuse(ReasonStale, fmt.Sprintf("at least %d", s.commit), fmt.Sprint(number))
	case number == s.commit:
		return s, nil
	}
	t := s.clone()
	t.setCommit(number)
	return t, nil
}

// outcome is out in a few words, for a Refusal.
func outcome(out Output) string {
	switch {
	case out.Err != "":
		return "error " + string(out.Err)
	case out.Trap != "":
		return "trap " + string(out.Trap)
	}
	return "success"
}

func expectSuccess(out Output) error {
	if out.Err != "" || out.Trap != "" {
		return refuse(ReasonWrongOutcome, "success", outcome(out))
	}
	return nil
}

// expectError allows a failure of any of the classes, which leaves the state as it was.
func expectError(s *State, out Output, classes ...ErrorClass) (*State, error) {
	if out.Err == "" || !slices.Contains(classes, out.Err) {
		return nil, refuse(ReasonWrongOutcome, fmt.Sprintf("error %s", classes[0]), outcome(out))
	}
	return s, nil
}

// expectCommit checks that an operation has a commit number if and only if it committed.
func (m *Sequential) expectCommit(out Output, committed bool) error {
	switch {
	case committed && out.Commit == 0 && !m.rules.Unnumbered:
		return refuse(ReasonMissingCommit, "", "")
	case !committed && out.Commit != 0:
		return refuse(ReasonNeedlessCommit, "", fmt.Sprintf("commit %d", out.Commit))
	}
	return nil
}

func (m *Sequential) stepOpen(s *State, in Input, out Output) (*State, error) {
	lib, ok := m.byName[in.Library]
	switch {
	case in.NoLoad && (!ok || !s.libs[lib].loaded):
		return expectError(s, out, ClassNotLoaded)
	case !ok:
		return expectError(s, out, ClassMissingFile)
	}
	t := s.clone()
	committed, faults := m.open(t, lib, in)
	if len(faults) > 0 {
		return expectError(s, out, faults...)
	}
	if err := expectSuccess(out); err != nil {
		return nil, err
	}
	if err := m.expectCommit(out, committed); err != nil {
		return nil, err
	}
	if err := m.takeHandle(t, lib, out.Handle); err != nil {
		return nil, err
	}
	return t, nil
}

// takeHandle notes in t, a private copy, that a library was opened, and its handle.
func (m *Sequential) takeHandle(t *State, lib int, handle Handle) error {
	state := t.libs[lib]
	if state.handle != 0 && state.handle != handle {
		return refuse(ReasonHandleChanged, fmt.Sprintf("#%d", state.handle),
			fmt.Sprintf("#%d", handle))
	}
	if other, open := t.HandleOf(handle); handle == 0 || open &&
		(other != lib || m.rules.HandlePerOpen) {
		return refuse(ReasonHandleTaken, "", fmt.Sprintf("#%d", handle))
	}
	if m.rules.HandlePerOpen {
		t.addOpened(handle, lib)
	} else {
		state.handle = handle
	}
	state.opens++
	t.setLib(lib, state)
	return nil
}

func (m *Sequential) stepClose(s *State, in Input, out Output) (*State, error) {
	lib, open := s.HandleOf(in.Handle)
	if !open {
		return expectError(s, out, ClassBadHandle)
	}
	if err := expectSuccess(out); err != nil {
		return nil, err
	}
	t := s.clone()
	if err := m.expectCommit(out, m.release(t, in.Handle, lib)); err != nil {
		return nil, err
	}
	return t, nil
}

// release takes one opening of a library away and says whether anything was unloaded. With the last
// opening the handle ends, even if the library stays for another's sake.
func (m *Sequential) release(t *State, handle Handle, lib int) bool {
	t.dropOpened(handle)
	state := t.libs[lib]
	state.opens--
	if state.opens == 0 {
		state.handle = 0
	}
	t.setLib(lib, state)
	return state.opens == 0 && m.unload(t)
}

func stepAllocate(s *State, in Input, out Output) (*State, error) {
	if in.Count < 1 {
		return expectError(s, out, ClassBadCount)
	}
	if err := expectSuccess(out); err != nil {
		return nil, err
	}
	if len(out.Slots) != in.Count {
		return nil, refuse(ReasonWrongSlots, fmt.Sprintf("%d slots", in.Count),
			fmt.Sprint(len(out.Slots)))
	}
	t := s.clone()
	for _, slot := range out.Slots {
		if slot == 0 {
			return nil, refuse(ReasonWrongSlots, "no null pointer", "0")
		}
		if user, known := t.slotUser(slot); known {
			return nil, refuse(ReasonSlotTaken, "a free slot",
				fmt.Sprintf("slot %d of a %s", slot, userKind(user)))
		}
		t.takeSlot(slot, closureUser)
	}
	return t, nil
}

func userKind(user int32) string {
	if isClosure(user) {
		return "closure"
	}
	return "function"
}

func stepFree(s *State, in Input, out Output) (*State, error) {
	if user, known := s.slotUser(in.Pointer); !known || !isClosure(user) {
		return expectError(s, out, ClassBadSlot)
	}
	if err := expectSuccess(out); err != nil {
		return nil, err
	}
	t := s.clone()
	t.dropSlot(in.Pointer)
	return t, nil
}

func (m *Sequential) stepSpawn(s *State, out Output) (*State, error) {
	if err := expectSuccess(out); err != nil {
		return nil, err
	}
	if err := m.expectCommit(out, true); err != nil {
		return nil, err
	}
	if s.hasGroup(out.Group) {
		return nil, refuse(ReasonGroupTaken, "", fmt.Sprintf("g%d", out.Group))
	}
	t := s.clone()
	t.addGroup(out.Group)
	return t, nil
}

// stepUnknown applies what follows from the input alone: the handle, slots and group that the
// operation may have got stay unknown, and no client can use them.
func (m *Sequential) stepUnknown(s *State, in Input) *State {
	if s.dead || !s.hasGroup(in.Group) {
		return s
	}
	t := s.clone()
	switch in.Op {
	case OpOpen:
		lib, ok := m.byName[in.Library]
		if !ok || in.NoLoad && !s.libs[lib].loaded {
			return s
		}
		if _, faults := m.open(t, lib, in); len(faults) > 0 {
			return s
		}
		state := t.libs[lib]
		state.opens++
		t.setLib(lib, state)
	case OpClose:
		lib, open := s.HandleOf(in.Handle)
		if !open {
			return s
		}
		m.release(t, in.Handle, lib)
	case OpFreeClosure:
		if user, known := s.slotUser(in.Pointer); !known || !isClosure(user) {
			return s
		}
		t.dropSlot(in.Pointer)
	case OpSetClosure:
		number, faults := m.closureFunction(s, in)
		if len(faults) > 0 {
			return s
		}
		t.setClosure(in.Pointer, closureOf(number))
	case OpLeave:
		t.removeGroup(in.Group)
	default:
		return s
	}
	return t
}
