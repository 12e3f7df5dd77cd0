package proof

import "fmt"

// Sort is a sort of SMT-LIB: what a value without parts is.
type Sort string

// The sorts of LinkerSync's values.
const (
	Boolean   Sort = "Bool"
	Number    Sort = "Int"
	Text      Sort = "Text"      // the strings; all that the specification names are different
	Group     Sort = "Group"     // the groups, and None
	Tag       Sort = "Tag"       // the elements of Tags
	Operation Sort = "Operation" // pairs of a Text and a Tag, and <<>>
)

// Symbols of elements that have a meaning of their own.
const (
	none        term = "nobody"       // None; the string "None" is another
	noOperation term = "no-operation" // <<>> in the place of an operation
)

// form says how a value is made of others.
type form int

const (
	scalarForm form = iota
	setForm
	sequenceForm
	functionForm
)

// Shape is the type of a constant, a variable or an expression. Make one with [Scalar], [SetOf],
// [SequenceOf] or [FunctionTo]; they are comparable where their elements are.
type Shape struct {
	form form
	sort Sort // of a scalar
	// of a set or sequence; the values of a function, whose arguments are always groups
	element *Shape
}

// Scalar is the shape of a value without parts.
func Scalar(s Sort) Shape { return Shape{form: scalarForm, sort: s} }

// SetOf is the shape of a set of such elements.
func SetOf(s Sort) Shape { return Shape{form: setForm, element: &Shape{sort: s}} }

// SequenceOf is the shape of a sequence of such elements.
func SequenceOf(s Sort) Shape { return Shape{form: sequenceForm, element: &Shape{sort: s}} }

// FunctionTo is the shape of a function from Groups to such values.
func FunctionTo(values Shape) Shape { return Shape{form: functionForm, element: &values} }

func (s Shape) same(t Shape) bool {
	return s.form == t.form && s.sort == t.sort && (s.element == nil) == (t.element == nil) &&
		(s.element == nil || s.element.same(*t.element))
}

func (s Shape) String() string {
	switch s.form {
	case setForm:
		return fmt.Sprintf("set of %v", s.element)
	case sequenceForm:
		return fmt.Sprintf("sequence of %v", s.element)
	case functionForm:
		return fmt.Sprintf("function from groups to %v", s.element)
	}
	return string(s.sort)
}

// Signature gives every constant and variable of a module a shape.
type Signature map[string]Shape

// LinkerSync is the signature of tla/LinkerSync.tla: its comments on the variables, made exact.
// That a variable keeps its shape needs no proof: whatever an action assigns to it is refused by
// the translation if it has another one.
func LinkerSync() Signature {
	perGroup := FunctionTo(Scalar(Text))
	group, number, flag := Scalar(Group), Scalar(Number), Scalar(Boolean)
	return Signature{
		"Groups": SetOf(Group), "Initial": SetOf(Group), "None": group,
		"Kinds": SetOf(Text), "Tags": SetOf(Tag), "Features": SetOf(Text), "Off": SetOf(Text),
		"MaxLog": number, "Batch": number, "MaxTable": number,

		"mode": perGroup, "stage": perGroup, "part": perGroup,
		"leaseQueue": SequenceOf(Group), "stateQueue": SequenceOf(Group),
		"holder": group, "writer": group, "leader": group, "readers": SetOf(Group),
		"op": Scalar(Operation), "mail": FunctionTo(SequenceOf(Operation)),
		"view": FunctionTo(SequenceOf(Operation)), "log": SequenceOf(Operation),
		"failed": flag, "poisoned": flag,
		"table": number, "free": number, "taken": number,
	}
}
