package faults

import "slices"

const (
	linkerCall        = "linker/call.go"
	linkerEnter       = "linker/enter.go"
	linkerExits       = "linker/exits.go"
	linkerDescriptors = "linker/descriptors.go"
	linkerGroup       = "linker/group.go"
	linkerInstance    = "linker/instance.go"
	linkerLoad        = "linker/load.go"
	linkerBind        = "linker/bind.go"
	linkerOpen        = "linker/open.go"
	linkerSpawn       = "linker/spawn.go"
	linkerState       = "linker/state.go"
	linkerSteps       = "linker/steps.go"
	linkerTLS         = "linker/tls.go"
	linkerTx          = "linker/tx.go"
	linkerUnload      = "linker/unload.go"
	linkerWaits       = "linker/waits.go"
)

// linkerFaults are mistakes in the linker itself: first those that linkers of this kind have really had.
func linkerFaults() []Fault { return slices.Concat(realFaults(), moreLinkerFaults(), scopeFaults()) }

// realFaults are bugs that linkers with several threads have had.
func realFaults() []Fault {
	return []Fault{
		{
			Name: "linker: no second look-up in Symbol",
			What: "two groups that resolve one function at the same time get two pointers",
			Edits: []Edit{{linkerTx, `	if slot, ok := t.l.state.scope.pointer(fn); ok {
		return slot, nil
	}
`, ``}},
			By: []Named{{"linked", "TestSymbolLooksAgain"}},
		},
		{
			Name:  "linker: a group that waits in a system call is not parked",
			What:  "nobody acts for a thread that sleeps, and nobody can wake it: link operations wait for it",
			Edits: []Edit{{linkerDescriptors, "		e.group.member.Park()\n		e.parked = true\n", ""}},
			By:    []Named{{"linker", "TestBlockedReadHoldsUpNobody"}},
		},
		{
			Name:  "linker: a lock of the system is taken before parking",
			What:  "a thread waits for a lock without taking part in the pending operation, and who has the lock waits for that",
			Edits: []Edit{{linkerDescriptors, systemParks, ""}, {linkerDescriptors, systemLocks, systemLocks + systemParks}},
			By:    []Named{{"linker", "TestWaitingForFilesHoldsUpNobody"}},
		},
		{
			Name:  "linker: the main module's functions are put into the first group's table only",
			What:  "dlsym of a function of the main module panics in a second group",
			Edits: []Edit{{linkerInstance, `	if inst.put == nil {`, `	if inst.put == nil && (m != g.l.main || g.id == 0) {`}},
			By:    []Named{{"linker", "TestPointersInAllGroups"}},
		},
		{
			Name:  "linker: a group dies without telling the coordinator",
			What:  "a thread that was killed between the epochs leaves the others waiting",
			Edits: []Edit{{linkerGroup, "		g.member.Crash(cause)\n", ""}},
			By:    []Named{{"linker", "TestDeathMakesRoom"}},
		},
		{
			Name: "linker: an exit in a constructor is not taken back",
			What: "an initialiser that exits half-way leaves a half-loaded module visible",
			Edits: []Edit{{linkerTx, "		return coord.Operation{}, false, errors.Join(err, t.Undo(ctx))\n",
				"		if isExit(err) {\n			return coord.Operation{}, false, err\n		}\n		return coord.Operation{}, false, errors.Join(err, t.Undo(ctx))\n"}},
			By: []Named{{"linker", "TestExitInConstructor"}},
		},
		{
			Name:  "linker: an atomic wait does not park",
			What:  "a guest that waits for another thread stalls everybody",
			Edits: []Edit{{linkerWaits, `	if !e.parks() {`, `	if e != nil {`}},
			By:    []Named{{"linker", "TestWaitingThreadHoldsUpNobody"}},
		},
		{
			Name:  "linker: a constructor is a stranger to its own load",
			What:  "a constructor that calls dlopen waits for the group that it is in: a deadlock on its own lease",
			Edits: []Edit{{linkerEnter, "	if outer == nil {\n		if err := g.acquire", "	if outer == nil || outer.tx != nil {\n		if err := g.acquire"}},
			By:    []Named{{"linker", "TestConstructorOpens"}},
		},
	}
}

// systemParks and systemLocks are the two parts of a system call's beginning.
const (
	systemParks = `	if e.parks() {
		if err := e.group.alive(); err != nil {
			panic(err)
		}
		e.group.member.Park()
		e.parked = true
	}
`
	systemLocks = `	streams, e.unlock = s.lock(a, descriptor)
`
)
