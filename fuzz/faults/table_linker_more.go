package faults

// moreLinkerFaults are mistakes that are easily made: in order, in what followers do, and in what is given back.
func moreLinkerFaults() []Fault {
	return []Fault{
		{
			Name:  "linker: symbols are searched backwards",
			What:  "the last definition wins, not the first",
			Edits: []Edit{{linkerState, "	for _, m := range modules {\n		if x := m.exports[name]; x != nil {", "	for _, m := range slices.Backward(modules) {\n		if x := m.exports[name]; x != nil {"}},
			By:    []Named{{"linker", "TestInterposition"}},
		},
		{
			Name:  "linker: destructors run in order of registration",
			What:  "what was constructed first is destroyed first",
			Edits: []Edit{{linkerExits, "	x.of[m] = list[:len(list)-1]\n	return list[len(list)-1], true", "	x.of[m] = list[1:]\n	return list[0], true"}},
			By:    []Named{{"linker", "TestDestructors"}},
		},
		{
			Name:  "linker: followers do not fill the table of a load",
			What:  "a pointer that a library's relocations made calls nothing in other threads",
			Edits: []Edit{{linkerSteps, "		return g.fill(ctx, s.fills)\n	}()", "		if !entryOf(ctx).leads() {\n			return nil\n		}\n		return g.fill(ctx, s.fills)\n	}()"}},
			By:    []Named{{"linker", "TestConcurrentGroups"}},
		},
		{
			Name:  "linker: followers do not fill the table of a look-up",
			What:  "a pointer from dlsym calls nothing in other threads",
			Edits: []Edit{{linkerSteps, "	if err == nil {\n		err = g.fill(ctx, s.fills)\n", "	if err == nil && entryOf(ctx).leads() {\n		err = g.fill(ctx, s.fills)\n"}},
			By:    []Named{{"linker", "TestConcurrentGroups"}},
		},
		{
			Name:  "linker: new groups do not get the pointers that were made",
			What:  "a pointer from dlsym calls nothing in threads that are spawned later",
			Edits: []Edit{{linkerSpawn, "	for fn, slot := range s.pointers.all {\n", "	for fn, slot := range (pointers{}).all {\n"}},
			By:    []Named{{"linker", "TestPointersInAllGroups"}},
		},
		{
			Name:  "linker: an entry of the GOT is not set",
			What:  "thread-local data of another module is looked for at address 0",
			Edits: []Edit{{linkerTLS, "			global.Set(uint64(address))\n", "			_ = global\n			_ = address\n"}},
			By:    []Named{{"linker", "TestThreadLocalSymbols"}},
		},
		{
			Name:  "linker: a module's own function comes first in its GOT",
			What:  "the address of a function is not the same in all modules",
			Edits: []Edit{{linkerBind, "	x := b.scope.lookupFor(m, imp.Name)\n	if x == nil {\n", "	x := m.exports[imp.Name]\n	if x == nil {\n		x = b.scope.lookupFor(m, imp.Name)\n	}\n	if x == nil {\n"}},
			By:    []Named{{"linker", "TestWeak"}},
		},
		{
			Name:  "linker: groups share thread-local storage",
			What:  "one area serves all groups",
			Edits: []Edit{{linkerLoad, "			if err == nil && !m.placed {\n				base, err = t.area(", "			if shared := s.tls[t.g][m]; shared != 0 {\n				base = shared\n			} else if err == nil && !m.placed {\n				base, err = t.area("}},
			By:    []Named{{"linker", "TestThreadLocalStorage"}},
		},
		{
			Name:  "linker: a failed load keeps its memory",
			What:  "the areas that were taken for it are not given back",
			Edits: []Edit{{linkerTx, "	for _, area := range slices.Backward(t.areas[m.areas:]) {\n		t.l.areas.giveLater(area)\n	}\n", ""}},
			By:    []Named{{"linker", "TestExitInConstructor"}},
		},
		{
			Name:  "linker: a closed group keeps its memory",
			What:  "its stack and its thread-local storage are not given back",
			Edits: []Edit{{linkerGroup, "	g.l.areas.giveOwned(g)\n}", "}"}},
			By:    []Named{{"linker", "TestExitInConstructor"}},
		},
		{
			Name:  "linker: memory that is used again is not cleared",
			What:  "a library's variables begin with what another one left there",
			Edits: []Edit{{linkerLoad, "		clear(b)\n", "		_ = b\n"}},
			By:    []Named{{"linker", "TestUnloadedMemoryIsDirty"}},
		},
		{
			Name:  "linker: start functions reset the data",
			What:  "a library's start function writes everybody's data again, for each new group",
			Edits: []Edit{{linkerInstance, "	restore()\n", "	_ = restore\n"}},
			By:    []Named{{"linker", "TestDestructorsUseOthers"}},
		},
		{
			Name:  "linker: made pointers outlive their library",
			What:  "their table entries are not cleared when it is unloaded",
			Edits: []Edit{{linkerUnload, "	for _, slot := range s.slots {\n		errs = append(errs, g.clearSlots(ctx, span{slot, 1}))\n	}\n", ""}},
			By:    []Named{{"linker", "TestUnload"}},
		},
		{
			Name:  "linker: element segments outlive their library",
			What:  "a library's own table entries are not cleared when it is unloaded",
			Edits: []Edit{{linkerInstance, "		errs = append(errs, g.clearSlots(ctx, own))\n", "		_ = own\n"}},
			By:    []Named{{"linker", "TestDestructors"}},
		},
		{
			Name:  "linker: opening what is loaded is not counted",
			What:  "the first close unloads what somebody else has opened",
			Edits: []Edit{{linkerLoad, "	root.handles.Add(1)\n", "	if len(b.search) > 0 {\n		root.handles.Add(1)\n	}\n"}},
			By:    []Named{{"linker", "TestUnload"}},
		},
		{
			Name:  "linker: a failed open is counted",
			What:  "what a failed operation has opened is never unloaded",
			Edits: []Edit{{linkerTx, "		m.handles.Add(-1)\n", "		_ = m\n"}},
			By:    []Named{{"linker", "TestConstructorOpensAndFails"}},
		},
		{
			Name:  "linker: only what is needed by name is kept",
			What:  "a library that another one is bound to is unloaded",
			Edits: []Edit{{linkerUnload, "		for _, n := range m.uses {\n", "		for _, n := range m.needed {\n"}},
			By:    []Named{{"linker", "TestUnloadBoundByChance"}},
		},
		{
			Name:  "linker: the names of an unloaded library stay",
			What:  "opening it again finds the instances that were closed",
			Edits: []Edit{{linkerUnload, "		maps.DeleteFunc(s.names, func(_ string, m *module) bool { return dead(m) })\n", ""}},
			By:    []Named{{"linker", "TestUnload"}},
		},
		{
			Name:  "linker: records are visible before the commit",
			What:  "look-ups find what may still be taken back",
			Edits: []Edit{{linkerTx, "	t.l.state.scope = &next\n}", "	t.l.state.scope = &next\n	t.l.committed.Store(&next)\n}"}},
			By:    []Named{{"linker", "TestHalfLoadedIsInvisible"}},
		},
		{
			Name: "linker: look-ups see what the group saw before",
			What: "a group keeps the records of its first look-up, and finds a function of a library that is gone",
			Edits: []Edit{
				{linkerGroup, "	// forgotten says", "	seen  atomic.Pointer[scope]\n	// forgotten says"},
				{linkerOpen, "	s := g.l.committed.Load()\n	if x, err := s.find(g.l, lib, name); err == nil {\n", "	s := g.seen.Load()\n	if s == nil {\n		s = g.l.committed.Load()\n		g.seen.Store(s)\n	}\n	if x, err := s.find(g.l, lib, name); err == nil {\n"},
			},
			By: []Named{{"porcupine", "TestHistoriesOfTheLinkerAreLinearizable"}},
		},
		{
			Name: "linker: callers are kept by their parameters",
			What: "a function pointer is called with the results of the last signature that had the same parameters",
			Edits: []Edit{{linkerCall, "if c := l.callers[t.Key()]; c != nil {", "if c := l.callers[wasm.FuncType{Params: t.Params}.Key()]; c != nil {"},
				{linkerCall, "l.callers[t.Key()] = c", "l.callers[wasm.FuncType{Params: t.Params}.Key()] = c"}},
			By: []Named{{"linker", "TestThreadDestructorsKeepLibraries"}},
		},
		{
			Name:  "linker: a killed thread goes on waiting",
			What:  "nobody ends the atomic wait of a group that is gone",
			Edits: []Edit{{linkerGroup, "		g.l.waits.interrupt(g, err)\n	}\n}", "	}\n}"}},
			By:    []Named{{"linker", "TestWaitEndsWithExit"}},
		},
		{
			Name:  "linker: a cancelled host call does not come back",
			What:  "its group stays parked while its guest runs on",
			Edits: []Edit{{linkerEnter, "g.member.Enter(context.WithoutCancel(ctx))", "g.member.Enter(ctx)"}},
			By:    []Named{{"linker", "TestCancelInHostCallDuringOperation"}},
		},
		{
			Name:           "linker: the list of groups is read without its lock",
			What:           "a load reads the list while a group that leaves changes it",
			Edits:          []Edit{{linkerGroup, "	l.mu.Lock()\n	defer l.mu.Unlock()\n	return append([]*Group(nil), l.groups...)", "	return append([]*Group(nil), l.groups...)"}},
			By:             []Named{{"race linked", "TestConcurrentGroups"}},
			Unsynchronised: true,
		},
	}
}
