package linker

// startLater has a thread begin when the operation has been committed: at its end, or when a
// constructor waits, see giveWay. It returns false when there
// are too many groups.
func (op *linkOp) startLater(late lateThread) bool {
	if len(op.l.groups.list())+len(op.threads) >= op.l.config.maxGroups {
		return false
	}
	op.threads = append(op.threads, late)
	return true
}

// waitsForItself reports whether a constructor that waits, without a time-out, waits for nothing
// but threads that it has started itself: they begin when it has returned, and no other group has a
// guest that runs.
func (act *activation) waitsForItself(timeout int64) bool {
	if act.op == nil || len(act.op.threads) == 0 || timeout >= 0 {
		return false
	}
	for _, other := range act.group.l.groups.list() {
		if other != act.group && other.member.Held() {
			return false
		}
	}
	return true
}
