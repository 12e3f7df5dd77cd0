package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
)

// TLA writes the state as a TLA+ conjunction, one variable a line, exactly as
// TLC prints a state when the model values of the slots are g1, g2, ….
func (s *State) TLA() string {
	var b strings.Builder
	n := Group(s.Config.Groups)
	write := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "/\\ %s = %s", name, value)
	}
	function := func(value func(g Group) string) string {
		parts := make([]string, n)
		for g := range n {
			parts[g] = fmt.Sprintf("%s :> %s", g, value(g))
		}
		return "(" + strings.Join(parts, " @@ ") + ")"
	}
	write("mode", function(func(g Group) string { return quote(s.Mode[g]) }))
	write("stage", function(func(g Group) string { return quote(s.Stage[g]) }))
	write("leaseQueue",
		sequence(s.LeaseQueue.Len(), func(i int) fmt.Stringer { return s.LeaseQueue.At(i) }))
	write("holder", s.Holder.String())
	write("stateQueue",
		sequence(s.StateQueue.Len(), func(i int) fmt.Stringer { return s.StateQueue.At(i) }))
	write("writer", s.Writer.String())
	write("readers", s.Readers.String())
	write("leader", s.Leader.String())
	write("op", s.Op.String())
	write("part", function(func(g Group) string { return quote(s.Part[g]) }))
	write("mail", function(func(g Group) string {
		return sequence(s.Mail[g].Len(), func(i int) fmt.Stringer { return s.Mail[g].At(i) })
	}))
	write("failed", boolean(s.Failed))
	write("view", function(func(g Group) string { return s.View[g].String() }))
	write("log", s.Log.String())
	write("table", fmt.Sprint(s.Table))
	write("free", fmt.Sprint(s.Free))
	write("taken", fmt.Sprint(s.Taken))
	write("poisoned", boolean(s.Poisoned))
	return b.String()
}

func (s State) String() string { return s.TLA() }

// String writes the set as a TLA+ value: {g1, g3}.
func (s Set) String() string {
	var names []string
	for g := range Group(MaxGroups) {
		if s.Has(g) {
			names = append(names, g.String())
		}
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// String writes the log as a TLA+ sequence.
func (l Log) String() string {
	return sequence(l.Len(), func(i int) fmt.Stringer { return l.At(i) })
}

func sequence(n int, at func(i int) fmt.Stringer) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = at(i).String()
	}
	return "<<" + strings.Join(parts, ", ") + ">>"
}

func quote(v fmt.Stringer) string { return `"` + v.String() + `"` }

func boolean(v bool) string { return strings.ToUpper(fmt.Sprint(v)) }

// stateJSON is the JSON form of a State: one member a variable, one element a slot.
type stateJSON struct {
	Mode       []string  `json:"mode"`
	Stage      []string  `json:"stage"`
	LeaseQueue []string  `json:"leaseQueue"`
	Holder     string    `json:"holder"`
	StateQueue []string  `json:"stateQueue"`
	Writer     string    `json:"writer"`
	Readers    []string  `json:"readers"`
	Leader     string    `json:"leader"`
	Op         []any     `json:"op"`
	Part       []string  `json:"part"`
	Mail       [][][]any `json:"mail"`
	Failed     bool      `json:"failed"`
	View       [][][]any `json:"view"`
	Log        [][]any   `json:"log"`
	Table      uint32    `json:"table"`
	Free       uint32    `json:"free"`
	Taken      uint32    `json:"taken"`
	Poisoned   bool      `json:"poisoned"`
}

// MarshalJSON writes the variables of the state as an object. Functions over
// the slots are arrays, operations are [kind, tag] as TLC's JSON has them.
func (s State) MarshalJSON() ([]byte, error) {
	j := stateJSON{
		Holder: s.Holder.String(), Writer: s.Writer.String(), Leader: s.Leader.String(),
		Op: opJSON(s.Op), Failed: s.Failed, Table: s.Table, Free: s.Free, Taken: s.Taken,
		Poisoned:   s.Poisoned,
		LeaseQueue: queueJSON(&s.LeaseQueue), StateQueue: queueJSON(&s.StateQueue),
		Readers: []string{},
		Log:     opsJSON(s.Log.Len(), s.Log.At),
	}
	for g := range Group(s.Config.Groups) {
		j.Mode = append(j.Mode, s.Mode[g].String())
		j.Stage = append(j.Stage, s.Stage[g].String())
		j.Part = append(j.Part, s.Part[g].String())
		j.Mail = append(j.Mail, opsJSON(s.Mail[g].Len(), s.Mail[g].At))
		j.View = append(j.View, opsJSON(s.View[g].Len(), s.View[g].At))
		if s.Readers.Has(g) {
			j.Readers = append(j.Readers, g.String())
		}
	}
	return json.Marshal(j)
}

func queueJSON(q *Queue) []string {
	names := []string{}
	for i := range q.Len() {
		names = append(names, q.At(i).String())
	}
	return names
}

func opsJSON(n int, at func(int) Op) [][]any {
	ops := [][]any{}
	for i := range n {
		ops = append(ops, opJSON(at(i)))
	}
	return ops
}

func opJSON(o Op) []any {
	if o.Kind == NoOp {
		return []any{}
	}
	return []any{o.Kind.String(), o.Tag}
}

// AppendKey appends a short encoding of the variables: two states of one
// configuration have the same key exactly when they are equal. It is what a
// visited set holds, at a few bytes a group.
func (s *State) AppendKey(b []byte) []byte {
	for g := range Group(s.Config.Groups) {
		b = append(b, byte(s.Mode[g])<<4|byte(s.Stage[g]), byte(s.Part[g])<<4|s.Mail[g].n<<2)
		for i := range s.Mail[g].n {
			b = append(b, byte(s.Mail[g].ops[i].Kind), s.Mail[g].ops[i].Tag)
		}
		b = s.View[g].appendKey(b)
	}
	b = s.LeaseQueue.appendKey(b)
	b = s.StateQueue.appendKey(b)
	b = append(b, byte(s.Holder), byte(s.Writer), byte(s.Leader), byte(s.Op.Kind), s.Op.Tag)
	for r := s.Readers; ; r >>= 8 {
		b = append(b, byte(r))
		if r == 0 {
			break
		}
	}
	b = s.Log.appendKey(b)
	for _, v := range [...]uint32{s.Table, s.Free, s.Taken} {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	var flags byte
	if s.Failed {
		flags |= 1
	}
	if s.Poisoned {
		flags |= 2
	}
	return append(b, flags)
}

func (q *Queue) appendKey(b []byte) []byte {
	b = append(b, q.n)
	for i := range q.n {
		b = append(b, byte(q.q[i]))
	}
	return b
}

func (l *Log) appendKey(b []byte) []byte {
	b = append(b, l.n)
	for i := range l.n {
		b = append(b, byte(l.ops[i].Kind), l.ops[i].Tag)
	}
	return b
}
