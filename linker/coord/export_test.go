package coord

// HoldWanted reports whether a goroutine waits for the group, or holds it by the slow path.
func (m *Member) HoldWanted() bool { return m.gate.word.Load()&gateWanted != 0 }
