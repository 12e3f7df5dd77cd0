package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// State is one state of the sequential model. A State never changes once Step has returned it, so
// states can be shared between goroutines and kept in visited sets; successors share what did not
// change.
//
// What the linker may choose freely (handles, table slots, addresses, group ids) is not in the
// state until an output has told it. From then on it must stay as it is for as long as the thing it
// belongs to lives.
type State struct {
	libs []libState // by library number
	// numbers of the loaded libraries in the order in which they came; the main module is first
	order  []int
	global []int     // those of the global scope in search order, likewise
	groups []int     // live groups, ascending
	opened []openUse // handles, ascending, if each opening has one of its own
	slots  []slotUse // known users of table slots, ascending by slot
	funcs  []uint32  // slot of each function, 0 while it is not known
	data   []uint64  // 1 + address of each data symbol, 0 while it is not known
	commit uint64    // the newest commit seen
	dead   bool      // poisoned
	hash   uint64
}

// libState is what is known of one library.
type libState struct {
	loaded bool
	opens  uint32 // openings not yet closed
	handle Handle // 0 while it is not known
	// bindings says for each import which library's definition it got, or unbound. Shared, never
	// changed.
	bindings []int32
}

// unbound marks an import without a definition.
const unbound = -1

// openUse is an opening: its handle, and the number of its library.
type openUse struct {
	handle Handle
	lib    int
}

// slotUse is the known user of a table slot: a function number, closureUser, or what closureOf
// returns.
type slotUse struct {
	slot uint32
	user int32
}

// closureUser marks a slot that was allocated for a closure, and is null.
const closureUser = -1

// closureOf marks a closure that holds a function.
func closureOf(number int) int32 { return closureUser - 1 - int32(number) }

// isClosure reports whether a slot is a closure's.
func isClosure(user int32) bool { return user < 0 }

// heldBy returns the number of the function that is behind a slot: a function's own one, or the one
// that a closure holds.
func heldBy(user int32) (number int, ok bool) {
	switch {
	case user >= 0:
		return int(user), true
	case user < closureUser:
		return int(closureUser - 1 - user), true
	}
	return 0, false
}

// Equal reports whether two states are the same: whether every future is possible for both or for
// neither.
func (s *State) Equal(t *State) bool {
	if s == t {
		return true
	}
	return s.hash == t.hash && s.commit == t.commit && s.dead == t.dead &&
		slices.Equal(s.order, t.order) && slices.Equal(s.global, t.global) &&
		slices.Equal(s.groups, t.groups) &&
		slices.Equal(s.opened, t.opened) && slices.Equal(s.slots, t.slots) &&
		slices.Equal(s.funcs, t.funcs) && slices.Equal(s.data, t.data) &&
		slices.EqualFunc(s.libs, t.libs, libState.equal)
}

func (l libState) equal(m libState) bool {
	return l.loaded == m.loaded && l.opens == m.opens && l.handle == m.handle &&
		slices.Equal(l.bindings, m.bindings)
}

// Hash is equal for equal states. It is not the same from one version of this package to the next.
func (s *State) Hash() uint64 { return s.hash }

// Commit is the newest commit number that an operation up to this state has made or seen.
func (s *State) Commit() uint64 { return s.commit }

// HandleOf returns the number of the library that is open under h, and whether there is one.
func (s *State) HandleOf(h Handle) (library int, open bool) {
	if h == 0 {
		return 0, false
	}
	if i, ok := s.findOpened(h); ok {
		return s.opened[i].lib, true
	}
	i := slices.IndexFunc(s.libs, func(l libState) bool { return l.handle == h && l.opens > 0 })
	return i, i >= 0
}

// KnownSlot says what the model knows of a table slot, if it knows anything: the number of the
// library whose function is there, -1 if there is none, and whether it is a closure's.
func (m *Sequential) KnownSlot(s *State, slot uint32) (library int, closure, known bool) {
	user, ok := s.slotUser(slot)
	if !ok {
		return -1, false, false
	}
	if number, holds := heldBy(user); holds {
		return m.funcs[number].lib, isClosure(user), true
	}
	return -1, true, true
}

// Describe is the state in one short line: the commit number, the loaded libraries with their
// openings and whether they are local, how many pointers are known, the closures' slots, the live
// groups. Long lists are cut.
func (m *Sequential) Describe(s *State) string {
	var b strings.Builder
	fmt.Fprintf(&b, "@%d", s.commit)
	for i, lib := range s.order[1:] {
		if i == describeAtMost {
			fmt.Fprintf(&b, " …+%d", len(s.order)-1-i)
			break
		}
		fmt.Fprintf(&b, " %s×%d", m.libs[lib].Name, s.libs[lib].opens)
		if !slices.Contains(s.global, lib) {
			b.WriteString("(local)")
		}
	}
	var closures []uint32
	functions := 0
	for _, use := range s.slots {
		if isClosure(use.user) {
			closures = append(closures, use.slot)
		} else {
			functions++
		}
	}
	fmt.Fprintf(&b, " | %d pointers", functions)
	if len(closures) > 0 {
		fmt.Fprintf(&b, " | closures %s", shortList(closures))
	}
	fmt.Fprintf(&b, " | groups %s", shortList(s.groups))
	if s.dead {
		b.WriteString(" | poisoned")
	}
	return b.String()
}

// describeAtMost keeps pictures readable: they hold one description per operation.
const describeAtMost = 8

func shortList[T any](list []T) string {
	if len(list) <= describeAtMost {
		return fmt.Sprint(list)
	}
	return fmt.Sprintf("%v…+%d", list[:describeAtMost], len(list)-describeAtMost)
}

// The functions below are the only ones that write to a State. Each works on a private copy made by
// clone, replaces the slice it changes, and keeps the hash right.

func (s *State) clone() *State {
	t := *s
	return &t
}

// Tags keep the hashes of different parts apart.
const (
	tagLib = iota + 1
	tagBinding
	tagOrder
	tagGlobal
	tagGroup
	tagSlot
	tagData
	tagCommit
	tagDead
	tagOpened
)

// mix hashes one fact. The finalizer is that of splitmix64 (Steele, Lea, Flood 2014); facts are
// combined by exclusive or, so that a fact can be taken out again.
func mix(tag int, a, b uint64) uint64 {
	z := uint64(tag)*0x9e3779b97f4a7c15 ^ a*0xbf58476d1ce4e5b9 ^ (b+
		0x2545f4914f6cdd1d)*0x94d049bb133111eb
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (l libState) hash(number int) uint64 {
	if !l.loaded && l.opens == 0 && l.handle == 0 {
		return 0
	}
	h := mix(tagLib, uint64(number)<<32|uint64(l.opens), uint64(l.handle))
	for i, b := range l.bindings {
		h ^= mix(tagBinding, uint64(number)<<32|uint64(i), uint64(b+1))
	}
	return h
}

// listHash hashes a list of libraries: tagOrder or tagGlobal.
func listHash(tag int, list []int) uint64 {
	var h uint64
	for i, lib := range list {
		h ^= mix(tag, uint64(i), uint64(lib))
	}
	return h
}

func (s *State) setLib(number int, lib libState) {
	s.hash ^= s.libs[number].hash(number) ^ lib.hash(number)
	s.libs = slices.Clone(s.libs)
	s.libs[number] = lib
}

func (s *State) setOrder(order []int) {
	s.hash ^= listHash(tagOrder, s.order) ^ listHash(tagOrder, order)
	s.order = order
}

func (s *State) setGlobal(global []int) {
	s.hash ^= listHash(tagGlobal, s.global) ^ listHash(tagGlobal, global)
	s.global = global
}

func (s *State) setCommit(commit uint64) {
	s.hash ^= mix(tagCommit, s.commit, 0) ^ mix(tagCommit, commit, 0)
	s.commit = commit
}

func (s *State) setDead() {
	if !s.dead {
		s.hash ^= mix(tagDead, 0, 0)
		s.dead = true
	}
}

func (s *State) hasGroup(group int) bool {
	_, ok := slices.BinarySearch(s.groups, group)
	return ok
}

func (s *State) addGroup(group int) {
	i, _ := slices.BinarySearch(s.groups, group)
	s.groups = slices.Insert(slices.Clone(s.groups), i, group)
	s.hash ^= mix(tagGroup, uint64(group), 0)
}

func (s *State) removeGroup(group int) {
	i, _ := slices.BinarySearch(s.groups, group)
	s.groups = slices.Delete(slices.Clone(s.groups), i, i+1)
	s.hash ^= mix(tagGroup, uint64(group), 0)
}

func (s *State) findSlot(slot uint32) (int, bool) {
	return slices.BinarySearchFunc(s.slots, slot, func(u slotUse, slot uint32) int {
		return int(int64(u.slot) - int64(slot))
	})
}

func (s *State) slotUser(slot uint32) (user int32, known bool) {
	i, ok := s.findSlot(slot)
	if !ok {
		return 0, false
	}
	return s.slots[i].user, true
}

// takeSlot records the user of a slot that has none.
func (s *State) takeSlot(slot uint32, user int32) {
	i, _ := s.findSlot(slot)
	s.slots = slices.Insert(slices.Clone(s.slots), i, slotUse{slot, user})
	s.hash ^= mix(tagSlot, uint64(slot), uint64(user+1))
	if !isClosure(user) {
		s.funcs = slices.Clone(s.funcs)
		s.funcs[user] = slot
	}
}

// dropSlot forgets the user of a slot that has one.
func (s *State) dropSlot(slot uint32) {
	i, _ := s.findSlot(slot)
	user := s.slots[i].user
	s.slots = slices.Delete(slices.Clone(s.slots), i, i+1)
	s.hash ^= mix(tagSlot, uint64(slot), uint64(user+1))
	if !isClosure(user) {
		s.funcs = slices.Clone(s.funcs)
		s.funcs[user] = 0
	}
}

// setClosure records what a closure holds: closureUser, or what closureOf returns.
func (s *State) setClosure(slot uint32, user int32) {
	s.dropSlot(slot)
	s.takeSlot(slot, user)
}

func (s *State) findOpened(h Handle) (int, bool) {
	return slices.BinarySearchFunc(s.opened, h, func(o openUse, h Handle) int {
		return cmp.Compare(o.handle, h)
	})
}

// addOpened records an opening; its handle is not in use.
func (s *State) addOpened(h Handle, lib int) {
	i, _ := s.findOpened(h)
	s.opened = slices.Insert(slices.Clone(s.opened), i, openUse{h, lib})
	s.hash ^= mix(tagOpened, uint64(h), uint64(lib))
}

// dropOpened forgets an opening, if there is one of this handle.
func (s *State) dropOpened(h Handle) {
	if i, ok := s.findOpened(h); ok {
		s.hash ^= mix(tagOpened, uint64(h), uint64(s.opened[i].lib))
		s.opened = slices.Delete(slices.Clone(s.opened), i, i+1)
	}
}

// setData records (1 + address) or forgets (0) the address of a data symbol.
func (s *State) setData(number int, value uint64) {
	for _, v := range []uint64{s.data[number], value} {
		if v != 0 {
			s.hash ^= mix(tagData, uint64(number), v)
		}
	}
	s.data = slices.Clone(s.data)
	s.data[number] = value
}
