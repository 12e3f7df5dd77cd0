package proof

import "fmt"

// component is one symbol of a value: a value of SMT-LIB for each group, or for none.
type component struct {
	suffix     string
	arguments  []Sort
	sort       string
	ofFunction bool // the first argument is a function's
}

// components are the symbols that a value of a shape consists of.
func (w *world) components(s Shape) []component {
	switch s.form {
	case setForm:
		return []component{{arguments: []Sort{s.element.sort}, sort: string(Boolean)}}
	case sequenceForm:
		written, ok := w.sequences.(*writtenSequences)
		if !ok {
			return []component{{sort: sequenceSort(s.element.sort)}}
		}
		all := []component{{suffix: ".length", sort: string(Number)}}
		for i := range written.room {
			all = append(all, component{suffix: fmt.Sprintf(".%d", i+1),
				sort: string(s.element.sort)})
		}
		return all
	case functionForm:
		all := w.components(*s.element)
		for i := range all {
			all[i].arguments = append([]Sort{Group}, all[i].arguments...)
			all[i].ofFunction = true
		}
		return all
	}
	return []component{{sort: string(s.sort)}}
}

// assemble is the value whose components have these terms.
func (w *world) assemble(s Shape, symbol func(c component, args ...term) term) value {
	switch s.form {
	case setForm:
		c := w.components(s)[0]
		return set{element: *s.element,
			has: func(x value) term { return symbol(c, x.(scalar).term) }}
	case sequenceForm:
		all := w.components(s)
		if len(all) == 1 {
			return sequence{element: s.element.sort, term: symbol(all[0])}
		}
		v := sequence{element: s.element.sort, length: symbol(all[0])}
		for _, c := range all[1:] {
			v.items = append(v.items, symbol(c))
		}
		return v
	case functionForm:
		return function{func(g term) value {
			return w.assemble(*s.element,
				func(c component, args ...term) term {
					return symbol(c, append([]term{g}, args...)...)
				})
		}}
	}
	return scalar{s.sort, symbol(w.components(s)[0])}
}

// disassemble is the contrary: the term of a component of a value, for its arguments.
func (w *world) disassemble(v value, number int, args ...term) term {
	switch v := v.(type) {
	case scalar:
		return v.term
	case set:
		return v.has(scalar{v.element.sort, args[0]})
	case function:
		return w.disassemble(v.at(args[0]), number, args[1:]...)
	case sequence:
		switch {
		case v.items == nil && v.length == "":
			return v.term
		case number == 0:
			return v.length
		case number <= len(v.items):
			return v.items[number-1]
		}
		return filler(v.element)
	}
	panic(&TranslationError{What: fmt.Sprintf("a value %T in the place of one with a shape", v)})
}
