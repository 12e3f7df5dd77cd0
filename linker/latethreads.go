package linker

// startLater has a thread begin when the operation has been committed: at its end, or when a
// constructor waits, see giveWay. It returns false when there
// are too many groups.
func (t *tx) startLater(late lateThread) bool {
	if len(t.l.groups.list())+len(t.threads) >= t.l.config.maxGroups {
		return false
	}
	t.threads = append(t.threads, late)
	return true
}

// waitsForItself reports whether a constructor that waits, without a time-out, waits for nothing
// but threads that it has started itself: they begin when it has returned, and no other group has a
// guest that runs.
func (e *activation) waitsForItself(timeout int64) bool {
	if e.tx == nil || len(e.tx.threads) == 0 || timeout >= 0 {
		return false
	}
	for _, other := range e.group.l.groups.list() {
		if other != e.group && other.member.Held() {
			return false
		}
	}
	return true
}
