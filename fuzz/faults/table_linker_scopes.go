package faults

const (
	linkerDiscover = "linker/discover.go"
	linkerOptions  = "linker/options.go"
)

// scopeFaults are mistakes in what is found where: in the global scope, in a library with what it needs, and behind a definition.
func scopeFaults() []Fault {
	numbered, programs := []Named{{"porcupine", "TestNumberedPrograms"}}, []Named{{"porcupine", "TestHistoriesOfTheLinkerAreLinearizable"}}
	return []Fault{
		{
			Name:  "linker: a local library leaks into the global scope",
			What:  "everybody finds the symbols of a library that was opened as local",
			Edits: []Edit{{linkerLoad, "		if !o.local {\n			b.global = t.l.state.scope.promotion(root)\n		}\n", "		b.global = t.l.state.scope.promotion(root)\n"}},
			By:    append(numbered, programs...),
		},
		{
			Name:  "linker: a local library's needs leak into the global scope",
			What:  "what is loaded because a local library needs it is global",
			Edits: []Edit{{linkerLoad, "		if !o.local {\n			b.global = t.l.state.scope.promotion(root)\n		}\n", "		b.global = t.l.state.scope.promotion(root)\n		if o.local {\n			b.global = b.global[1:]\n		}\n"}},
			By:    numbered,
		},
		{
			Name:  "linker: a promotion is visible early",
			What:  "look-ups find what becomes global before the operation is committed, and if it never is",
			Edits: []Edit{{linkerOptions, "	return t.perform(ctx, scopeStep{})\n", "	t.l.committed.Store(t.l.state.scope)\n	return t.perform(ctx, scopeStep{})\n"}},
			By:    []Named{{"linker", "TestLocalUntilCommitted"}},
		},
		{
			Name:  "linker: a promotion is no operation",
			What:  "what has become global is found when somebody else commits something",
			Edits: []Edit{{linkerOptions, "	return t.perform(ctx, scopeStep{})\n", "	return nil\n"}},
			By:    append(numbered, programs...),
		},
		{
			Name:  "linker: opening a loaded library as global changes nothing",
			What:  "what was local stays local",
			Edits: []Edit{{linkerOptions, "	if !o.local {\n		more = s.promotion(root)\n	}\n", ""}},
			By:    numbered,
		},
		{
			Name:  "linker: only the library itself becomes global",
			What:  "what it needs stays local",
			Edits: []Edit{{linkerOptions, "		more = s.promotion(root)\n", "		if more = s.promotion(root); len(more) > 1 {\n			more = more[:1]\n		}\n"}},
			By:    programs,
		},
		{
			Name:  "linker: what becomes global comes first",
			What:  "a promotion interposes what was global before",
			Edits: []Edit{{linkerOptions, "		s.global = slices.Concat(s.global, more)\n", "		s.global = slices.Concat(s.global[:1], more, s.global[1:])\n"}},
			By:    numbered,
		},
		{
			Name:  "linker: NoLoad loads",
			What:  "a library that is not there is loaded, although it was asked for only if it is",
			Edits: []Edit{{linkerDiscover, "	if o.noLoad {\n", "	if o.noLoad && t.l.state.scope.names[name] != nil {\n"}},
			By:    append(numbered, programs...),
		},
		{
			Name:  "linker: a look-up in a handle begins in the global scope",
			What:  "who asks a library for its own symbol gets somebody else's",
			Edits: []Edit{{linkerOpen, "		x = s.lookupIn(lib.mod, name)\n", "		x = s.lookupFrom(lib.mod, name)\n"}},
			By:    append(numbered, programs...),
		},
		{
			Name:  "linker: a look-up in a handle does not go on in what is needed",
			What:  "only the library itself is searched",
			Edits: []Edit{{linkerOpen, "		x = s.lookupIn(lib.mod, name)\n", "		x = lib.mod.exports[name]\n"}},
			By:    numbered,
		},
		{
			Name:  "linker: what is next includes the library itself",
			What:  "a library that asks for the definition behind its own gets its own",
			Edits: []Edit{{linkerState, "firstOf(s.global[i+1:], name)", "firstOf(s.global[i:], name)"}},
			By:    append(numbered, programs...),
		},
		{
			Name:  "linker: what is next to a local library is all that is global",
			What:  "not what the library needs, but what it has nothing to do with",
			Edits: []Edit{{linkerState, "	return firstOf(m.closure()[1:], name)\n}\n\n// has", "	return firstOf(s.global, name)\n}\n\n// has"}},
			By:    numbered,
		},
		{
			Name:  "linker: imports are bound to local libraries",
			What:  "whatever is loaded interposes, global or not",
			Edits: []Edit{{linkerState, "	if x := firstOf(s.global, name); x != nil {\n		return x\n	}\n	if x := s.lookupIn(m, name)", "	if x := firstOf(s.search, name); x != nil {\n		return x\n	}\n	if x := s.lookupIn(m, name)"}},
			By:    numbered,
		},
		{
			Name:  "linker: a library's own definitions come first",
			What:  "what is global does not interpose a library that needs or has the same name",
			Edits: []Edit{{linkerState, "	if x := firstOf(s.global, name); x != nil {\n		return x\n	}\n	if x := s.lookupIn(m, name); x != nil {\n		return x\n	}\n", "	if x := s.lookupIn(m, name); x != nil {\n		return x\n	}\n	if x := firstOf(s.global, name); x != nil {\n		return x\n	}\n"}},
			By:    numbered,
		},
		{
			Name:  "linker: a library that was unloaded stays in the global scope",
			What:  "look-ups find what is gone",
			Edits: []Edit{{linkerUnload, "		s.global = slices.DeleteFunc(slices.Clone(s.global), dead)\n", ""}},
			By:    numbered,
		},
		{
			Name:  "linker: Now does not look at what was loaded before",
			What:  "a library whose functions are missing is opened, although everything was to be bound",
			Edits: []Edit{{linkerOptions, "	if o.now { // what becomes global counts\n", "	if o.now && len(t.steps) > 0 {\n"}},
			By:    []Named{{"linker", "TestNowForOneCall"}},
		},
	}
}
