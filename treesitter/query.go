package treesitter

import (
	"context"
	"runtime"
	"strings"
	"unicode"
)

// Query is a list of patterns that find nodes in trees of one language. It does not change, and may
// be used by any number of goroutines.
type Query struct {
	lib      *Library
	language *Language
	source   string
	address  uint32 // TSQuery *
	give     *given
	captures []string
	patterns []pattern
}

// pattern is what is known of one pattern of a query.
type pattern struct {
	start, end       int // in the source, in bytes
	rooted, nonLocal bool
	quantifiers      []Quantifier // of each capture
	tests            []test
	info             PatternInfo
}

// Quantifier is how often a capture can be in one match.
type Quantifier uint8

// The quantifiers, as the library numbers them.
const (
	Zero Quantifier = iota
	ZeroOrOne
	ZeroOrMore
	One
	OneOrMore
)

// PatternInfo is what the predicates of a pattern say that the package does not act on itself. A
// property without a value has "".
type PatternInfo struct {
	Set        map[string]string // by #set!
	Asserted   map[string]string // by #is?
	Refuted    map[string]string // by #is-not?
	Predicates []Predicate       // all others, as they are
}

// Predicate is a predicate that the package does not know.
type Predicate struct {
	Name      string // such as "select-adjacent!"
	Arguments []Argument
}

// Argument is an argument of a predicate.
type Argument struct {
	Capture bool   // it is the name of a capture, not a string
	Text    string // without @
}

// NewQuery compiles a query. The predicates #eq?, #match?, #any-of?, with not- and any- before them
// as in web-tree-sitter, #set!, #is? and #is-not? are known; others are found in [PatternInfo].
// Regular expressions are those of package regexp. The error is a [*QueryError] when something is
// wrong with the source.
func (g *Language) NewQuery(ctx context.Context, source string) (*Query, error) {
	q := &Query{lib: g.lib, language: g, source: source}
	err := g.lib.do(ctx, func(c *call) error {
		if err := q.compile(c); err != nil {
			return err
		}
		if err := q.read(c); err != nil {
			c.call("ts_query_delete", q.address)
			return err
		}
		q.lend()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

func (q *Query) lend() {
	q.give = lend(q.lib.image, q, handle{function: "ts_query_delete", address: q.address})
}

// compile makes the TSQuery.
func (q *Query) compile(c *call) error {
	at := c.bytes(q.source)
	q.address = c.call("ts_query_new", q.language.address, at, uint32(len(q.source)), c.l.buffer,
		c.l.buffer+4)
	c.call("free", at)
	if q.address != 0 {
		return nil
	}
	offset, kind := int(c.word(c.l.buffer)), QueryErrorKind(c.word(c.l.buffer+4))
	e := q.errorAt(kind, offset)
	if end := strings.IndexFunc(e.Near, isNoName); end > 0 && kind != BadSyntax &&
		kind != BadStructure {
		e.Near = e.Near[:end]
	}
	return e
}

// isNoName reports whether a character ends the name of a node, a field or a capture.
func isNoName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.?!", r)
}

// errorAt makes an error of a place in the source.
func (q *Query) errorAt(kind QueryErrorKind, offset int) *QueryError {
	offset = min(offset, len(q.source))
	near, _, _ := strings.Cut(q.source[offset:], "\n")
	return &QueryError{Kind: kind, Offset: offset, Point: PointAt(q.source, offset), Near: near}
}

// read reads what the query consists of.
func (q *Query) read(c *call) error {
	name := func(function string, i int) string {
		at := c.call(function, q.address, uint32(i), c.l.buffer)
		return string(c.view(at, c.word(c.l.buffer)))
	}
	for i := range int(c.call("ts_query_capture_count", q.address)) {
		q.captures = append(q.captures, name("ts_query_capture_name_for_id", i))
	}
	values := make([]string, c.call("ts_query_string_count", q.address))
	for i := range values {
		values[i] = name("ts_query_string_value_for_id", i)
	}
	q.patterns = make([]pattern, c.call("ts_query_pattern_count", q.address))
	for i := range q.patterns {
		p, n := &q.patterns[i], uint32(i)
		p.start = int(c.call("ts_query_start_byte_for_pattern", q.address, n))
		p.end = int(c.call("ts_query_end_byte_for_pattern", q.address, n))
		p.rooted = c.call("ts_query_is_pattern_rooted", q.address, n) != 0
		p.nonLocal = c.call("ts_query_is_pattern_non_local", q.address, n) != 0
		for j := range q.captures {
			p.quantifiers = append(p.quantifiers, Quantifier(
				c.call("ts_query_capture_quantifier_for_id", q.address, n, uint32(j))))
		}
		at := c.call("ts_query_predicates_for_pattern", q.address, n, c.l.buffer)
		steps := c.words(at, 2*c.word(c.l.buffer))
		if err := p.predicates(steps, q.captures, values); err != nil {
			e := q.errorAt(BadPredicate, p.start)
			e.Err = err
			return e
		}
	}
	return nil
}

// Language returns the language that the query is for.
func (q *Query) Language() *Language { return q.language }

// Source returns the query as it was compiled.
func (q *Query) Source() string { return q.source }

// Close gives back what the query takes in the library.
func (q *Query) Close(ctx context.Context) error { return q.give.close(ctx, q.lib) }

func (q *Query) use(ctx context.Context, f func(c *call) error) error {
	defer runtime.KeepAlive(q)
	return q.lib.do(ctx, func(c *call) error {
		if q.give.closed() {
			return ErrClosed
		}
		return f(c)
	})
}

// CaptureNames lists the names of the captures, without @.
func (q *Query) CaptureNames() []string { return append([]string(nil), q.captures...) }

// PatternCount is how many patterns there are.
func (q *Query) PatternCount() int { return len(q.patterns) }

// pattern returns a pattern; an empty one if there is none of the number.
func (q *Query) pattern(i int) pattern {
	if i < 0 || i >= len(q.patterns) {
		return pattern{}
	}
	return q.patterns[i]
}

// PatternRange returns where a pattern is in the source, in bytes.
func (q *Query) PatternRange(i int) (start, end int) { return q.pattern(i).start, q.pattern(i).end }

// PatternIsRooted reports whether a pattern has one node that all others are below.
func (q *Query) PatternIsRooted(i int) bool { return q.pattern(i).rooted }

// PatternIsNonLocal reports whether a pattern can match siblings within a repetition, so that what
// is outside of a range that is searched matters.
func (q *Query) PatternIsNonLocal(i int) bool { return q.pattern(i).nonLocal }

// PatternInfo returns what the predicates of a pattern say. Its maps must not be changed.
func (q *Query) PatternInfo(i int) PatternInfo { return q.pattern(i).info }

// Quantifier returns how often a capture can be in one match of a pattern.
func (q *Query) Quantifier(pattern int, capture string) Quantifier {
	for i, name := range q.captures {
		if p := q.pattern(pattern); name == capture && i < len(p.quantifiers) {
			return p.quantifiers[i]
		}
	}
	return Zero
}

// GuaranteedAt reports whether a pattern matches for sure as soon as it has got to the step at an
// offset of the source, in bytes.
func (q *Query) GuaranteedAt(ctx context.Context, offset int) (yes bool, err error) {
	err = q.use(ctx, func(c *call) error {
		yes = c.call("ts_query_is_pattern_guaranteed_at_step", q.address,
			uint32(max(offset, 0))) != 0
		return nil
	})
	return yes, err
}

// WithoutCaptures returns a query that does not capture some names.
func (q *Query) WithoutCaptures(ctx context.Context, names ...string) (*Query, error) {
	return q.without(ctx, func(c *call, address uint32) {
		for _, name := range names {
			at := c.bytes(name)
			c.call("ts_query_disable_capture", address, at, uint32(len(name)))
			c.call("free", at)
		}
	})
}

// WithoutPatterns returns a query in which some patterns match nothing. The others keep their
// numbers.
func (q *Query) WithoutPatterns(ctx context.Context, patterns ...int) (*Query, error) {
	return q.without(ctx, func(c *call, address uint32) {
		for _, i := range patterns {
			if i >= 0 && i < len(q.patterns) {
				c.call("ts_query_disable_pattern", address, uint32(i))
			}
		}
	})
}

// without returns a changed copy.
func (q *Query) without(ctx context.Context, change func(c *call, address uint32)) (*Query, error) {
	var less *Query
	err := q.use(ctx, func(c *call) error {
		address := c.call("ts_query_copy", q.address)
		change(c, address)
		less = &Query{lib: q.lib, language: q.language, source: q.source, address: address,
			captures: q.captures, patterns: q.patterns}
		less.lend()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return less, nil
}
