package proof

// Expr is an expression of TLA+.
type Expr interface {
	// where is the file and the line, counted from 1.
	where() position
}

// position is embedded in every expression.
type position struct {
	file string
	line int
}

func (p position) where() position { return p }

// The expressions. Prefix and infix operators have the text that they are written with.
type (
	// nameExpr is an identifier, or an operator that is applied: f(a, b).
	nameExpr struct {
		position
		name string
		args []Expr
	}
	numberExpr struct {
		position
		text string
	}
	stringExpr struct {
		position
		text string // without quotes
	}
	unaryExpr struct {
		position
		op string
		x  Expr
	}
	binaryExpr struct {
		position
		op          string
		left, right Expr
	}
	// junctionExpr is a list of conjuncts or of alternatives, written with bullets or with infix
	// operators.
	junctionExpr struct {
		position
		op    string
		items []Expr
	}
	// quantifierExpr is \A, \E or CHOOSE.
	quantifierExpr struct {
		position
		op     string
		bounds []bound
		body   Expr
	}
	ifExpr struct {
		position
		condition, then, otherwise Expr
	}
	letExpr struct {
		position
		definitions []*Definition
		body        Expr
	}
	tupleExpr struct { // <<a, b>>
		position
		items []Expr
	}
	setExpr struct { // {a, b}
		position
		items []Expr
	}
	filterExpr struct { // {x \in S : P}
		position
		bound bound
		body  Expr
	}
	imageExpr struct { // {e : x \in S}
		position
		element Expr
		bounds  []bound
	}
	functionExpr struct { // [x \in S |-> e]
		position
		bound bound
		body  Expr
	}
	functionsExpr struct { // [S -> T]
		position
		domain, values Expr
	}
	exceptExpr struct { // [f EXCEPT ![a] = e]
		position
		function Expr
		changes  []change
	}
	indexExpr struct { // f[a]
		position
		function, index Expr
	}
	primeExpr struct {
		position
		x Expr
	}
	// stepExpr is [A]_v.
	stepExpr struct {
		position
		action, subscript Expr
	}
	oldExpr struct{ position } // @
)

// bound is "x \in S".
type bound struct {
	name string
	set  Expr
}

// change is "![a] = e".
type change struct{ index, value Expr }

// Definition is a named expression, with or without parameters.
type Definition struct {
	Name       string
	Parameters []string
	Body       Expr
	position
}
