package model

import "fmt"

func (m *Sequential) stepSymbol(s *State, in Input, out Output) (*State, error) {
	sym, found, handleOK := m.find(s, in)
	switch {
	case !handleOK:
		return expectError(s, out, ClassBadHandle)
	case !found:
		return expectError(s, out, ClassMissingSymbol)
	}
	if err := expectSuccess(out); err != nil {
		return nil, err
	}
	if out.Kind != sym.kind {
		return nil, refuse(ReasonWrongKind, sym.kind.String(), out.Kind.String())
	}
	if sym.kind == KindFunction {
		return learnSlot(s, sym.number, out.Pointer)
	}
	return m.learnAddress(s, sym.number, out.Pointer)
}

// learnSlot takes note of the table slot of a function, which must be the one known before, or
// free.
func learnSlot(s *State, number int, slot uint32) (*State, error) {
	if known := s.funcs[number]; known != 0 {
		if known != slot {
			return nil, refuse(ReasonPointerChanged, fmt.Sprint(known), fmt.Sprint(slot))
		}
		return s, nil
	}
	if user, known := s.slotUser(slot); known {
		return nil, refuse(ReasonSlotTaken, "",
			fmt.Sprintf("slot %d of a %s", slot, userKind(user)))
	}
	if slot == 0 {
		return nil, refuse(ReasonSlotTaken, "", "the null pointer")
	}
	t := s.clone()
	t.takeSlot(slot, int32(number))
	return t, nil
}

// learnAddress takes note of the address of a data symbol, likewise.
func (m *Sequential) learnAddress(s *State, number int, address uint32) (*State, error) {
	value := uint64(address) + 1
	if known := s.data[number]; known != 0 {
		if known != value {
			return nil, refuse(ReasonPointerChanged, fmt.Sprint(known-1), fmt.Sprint(address))
		}
		return s, nil
	}
	end := value + uint64(m.data[number].Size)
	for other, start := range s.data {
		if start != 0 && value < start+uint64(m.data[other].Size) && start < end {
			return nil, refuse(ReasonAddressTaken, "",
				fmt.Sprintf("%d, inside %s", address, m.data[other].Name))
		}
	}
	t := s.clone()
	t.setData(number, value)
	return t, nil
}

func (m *Sequential) stepCall(s *State, in Input, out Output) (*State, error) {
	sym, found, handleOK := m.find(s, in)
	switch {
	case !handleOK:
		return expectError(s, out, ClassBadHandle)
	case !found:
		return expectError(s, out, ClassMissingSymbol)
	case sym.kind != KindFunction:
		return expectError(s, out, ClassNotFunction)
	case m.funcs[sym.number].Params != len(in.Args):
		return expectError(s, out, ClassSignature)
	}
	return m.expectCall(s, in, out, m.evaluate(s, sym.number, in.Args, 0))
}

func (m *Sequential) stepCallPointer(s *State, in Input, out Output) (*State, error) {
	user, known := s.slotUser(in.Pointer)
	switch {
	case known && user != closureUser:
		number, _ := heldBy(user)
		return m.expectPointerCall(s, in, out, number)
	case out.Err == "" && out.Trap == TrapBadPointer:
		return s, nil
	case known, in.Pointer == 0:
		return nil, refuse(ReasonWrongOutcome, "trap "+string(TrapBadPointer), outcome(out))
	}
	// The slot may be that of a function that was not asked for yet.
	for number, f := range m.funcs {
		if s.libs[f.lib].loaded && s.funcs[number] == 0 {
			if t, err := m.expectPointerCall(s, in, out, number); err == nil {
				return t, nil
			}
		}
	}
	return nil, refuse(ReasonNothingLoaded, "trap "+string(TrapBadPointer), outcomeOfCall(out))
}

// stepSet lets a closure hold a function, which the look-up of a call finds.
func (m *Sequential) stepSet(s *State, in Input, out Output) (*State, error) {
	number, faults := m.closureFunction(s, in)
	if len(faults) > 0 {
		return expectError(s, out, faults...)
	}
	if err := expectSuccess(out); err != nil {
		return nil, err
	}
	t := s.clone()
	t.setClosure(in.Pointer, closureOf(number))
	return t, nil
}

// closureFunction finds what OpSetClosure puts into a closure, or the faults that keep it from
// that.
func (m *Sequential) closureFunction(s *State, in Input) (number int, faults []ErrorClass) {
	if user, known := s.slotUser(in.Pointer); !known || !isClosure(user) {
		faults = append(faults, ClassBadSlot)
	}
	sym, found, handleOK := m.find(s, in)
	switch {
	case !handleOK:
		faults = append(faults, ClassBadHandle)
	case !found:
		faults = append(faults, ClassMissingSymbol)
	case sym.kind != KindFunction:
		faults = append(faults, ClassNotFunction)
	}
	return sym.number, faults
}

// expectPointerCall allows what calling a function through its pointer may end with.
func (m *Sequential) expectPointerCall(s *State, in Input, out Output, number int) (*State, error) {
	if m.funcs[number].Params != len(in.Args) {
		if err := expectTrap(out, TrapSignature); err != nil {
			return nil, err
		}
		return s, nil
	}
	return m.expectCall(s, in, out, m.evaluate(s, number, in.Args, 0))
}

func outcomeOfCall(out Output) string {
	if out.Err == "" && out.Trap == "" {
		return fmt.Sprintf("result %d", out.Result)
	}
	return outcome(out)
}

func expectTrap(out Output, class TrapClass) error {
	if out.Err != "" || out.Trap != class {
		return refuse(ReasonWrongOutcome, "trap "+string(class), outcomeOfCall(out))
	}
	return nil
}

// effect is what the model expects of a call. An unspecified one goes through an import of an
// unloaded library.
type effect struct {
	result      int32
	trap        TrapClass
	unspecified bool
}

// expectCall allows a call to end as expected, and ends the group if it trapped and traps do that.
func (m *Sequential) expectCall(s *State, in Input, out Output, want effect) (*State, error) {
	switch {
	case want.unspecified:
		if out.Err != "" {
			return nil, refuse(ReasonWrongOutcome, "a result or a trap", outcome(out))
		}
	case want.trap != "":
		if err := expectTrap(out, want.trap); err != nil {
			return nil, err
		}
	case out.Err != "" || out.Trap != "":
		return nil, refuse(ReasonWrongOutcome, fmt.Sprintf("result %d", want.result), outcome(out))
	case out.Result != want.result:
		return nil, refuse(ReasonWrongResult, fmt.Sprint(want.result), fmt.Sprint(out.Result))
	}
	if out.Trap == "" || !m.rules.TrapKillsGroup {
		return s, nil
	}
	t := s.clone()
	t.removeGroup(in.Group)
	return t, nil
}

// maxDepth is the number of nested calls after which a call counts as endless. No chain of imports
// without a cycle is longer than the number of functions; evaluate adds that.
const maxDepth = 64

// evaluate computes what a function does, following imports to the definitions they were bound to.
func (m *Sequential) evaluate(s *State, number int, args []int32, depth int) effect {
	f := m.funcs[number]
	if depth > maxDepth+len(m.funcs) {
		return effect{trap: TrapStack}
	}
	switch f.Behaviour.Kind {
	case BehaviourTrap:
		return effect{trap: TrapUnreachable}
	case BehaviourHasImport:
		if s.libs[f.lib].bindings[f.imp] == unbound {
			return effect{}
		}
		return effect{result: 1}
	case BehaviourCallImport:
		return m.evaluateImport(s, f, args, depth)
	}
	var sum int32
	for _, arg := range args {
		sum += arg
	}
	return effect{result: f.Behaviour.Mul*sum + f.Behaviour.Add}
}

func (m *Sequential) evaluateImport(s *State, f function, args []int32, depth int) effect {
	imp := m.libs[f.lib].Imports[f.imp]
	provider := int(s.libs[f.lib].bindings[f.imp])
	if provider == unbound && m.rules.LateBinding {
		provider = m.provider(imp, m.bindScope(s.global, s.order, f.lib))
	}
	switch {
	case provider == unbound:
		return effect{trap: TrapMissing}
	case !s.libs[provider].loaded:
		return effect{unspecified: true}
	}
	callee := m.libs[provider].exports[imp.Name].number
	if m.funcs[callee].Params != len(args) {
		return effect{trap: TrapSignature} // what is bound at load time has been checked
	}
	e := m.evaluate(s, callee, args, depth+1)
	e.result += f.Behaviour.Add
	return e
}
