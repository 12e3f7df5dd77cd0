package protocol

// What tests of states that no behaviour reaches write.

func (q *Queue) Append(g Group)    { q.append(g) }
func (l *Log) Append(o Op)         { l.append(o) }
func (l *Log) Front()              { l.front() }
func (m *Mailbox) Append(o Op)     { m.append(o) }
func (m *Mailbox) Tail()           { m.tail() }
func (f Features) Names() []string { return namesOf(featureNames, uint64(f)) }
