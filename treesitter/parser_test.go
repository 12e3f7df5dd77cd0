package treesitter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

const small, smallTree = "package p\n", "(source_file (package_clause (package_identifier)))"

// largeFunctions functions fill many read buffers, with characters of one, two and four bytes, and
// have more nodes than are read at once.
const largeFunctions = 3000

func large() string {
	return small + strings.Repeat("func f() string { return \"größe 😀\" }\n", largeFunctions)
}

// TestOneParserManyTexts uses one parser again and again, and no text leaves a trace in the next
// one.
func TestOneParserManyTexts(t *testing.T) {
	p := newParser(t, "go")
	for _, tt := range []struct {
		name, source string
		ok           func(tree string) bool
	}{
		{"large", large(), func(tree string) bool {
			return strings.Count(tree, "(function_declaration ") == largeFunctions &&
				!strings.Contains(tree, "ERROR")
		}},
		{"small", small, func(tree string) bool { return tree == smallTree }},
		{"no Go", "func ) (", func(tree string) bool { return strings.Contains(tree, "ERROR") }},
		{"empty", "", func(tree string) bool { return tree == "(source_file)" }},
		{"small again", small, func(tree string) bool { return tree == smallTree }},
	} {
		_, root := parse(t, p, tt.source)
		if tree := sexp(t, root); !tt.ok(tree) {
			t.Errorf("%s: a tree of %d bytes: %.200s", tt.name, len(tree), tree)
		}
		if root.Text() != tt.source[root.Start():] || root.HasError() != (tt.name == "no Go") {
			t.Errorf("%s: %v", tt.name, root)
		}
		if tt.name == "large" {
			checkLarge(t, root)
		}
	}
}

func checkLarge(t *testing.T, root treesitter.Node) {
	t.Helper()
	functions := root.DescendantsOfType("function_declaration")
	if len(functions) != largeFunctions {
		t.Fatalf("%d functions", len(functions))
	}
	for i, f := range functions {
		if f.StartPoint() != (treesitter.Point{Row: i + 1}) ||
			!strings.HasSuffix(f.Text(), "😀\" }") || f.Parent() != root ||
			f.ChildByField("name").Text() != "f" {
			t.Fatalf("function %d is %v: %s", i, f, f.Text())
		}
	}
}

// endingContext ends when it is looked at for the n-th time.
type endingContext struct {
	context.Context
	looks, n int
}

func (c *endingContext) Err() error {
	if c.looks++; c.looks >= c.n {
		return context.Canceled
	}
	return nil
}

// TestCancelAtEveryLook cancels a parse at the first, second, … look at its context, among them
// many in the middle of the text. The parser is usable afterwards.
func TestCancelAtEveryLook(t *testing.T) {
	p := newParser(t, "go")
	source := large()
	for n := 1; n <= 30; n++ {
		ctx := &endingContext{Context: t.Context(), n: n}
		if _, err := p.Parse(ctx, source); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at look %d: error %v", n, err)
		}
		if _, root := parse(t, p, small); sexp(t, root) != smallTree {
			t.Fatalf("after a parse cancelled at look %d: tree %s", n, sexp(t, root))
		}
	}
}

// A query and the reading of a tree end with their context, too.
func TestCancelledQuery(t *testing.T) {
	p := newParser(t, "go")
	tree, err := p.Parse(t.Context(), large())
	if err != nil {
		t.Fatal(err)
	}
	ctx := &endingContext{Context: t.Context(), n: 3}
	if _, err := tree.Root(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("root: %v", err)
	}
	root, err := tree.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.Language().NewQuery(t.Context(), "(identifier) @i")
	if err != nil {
		t.Fatal(err)
	}
	ctx = &endingContext{Context: t.Context(), n: 4}
	if list, err := q.Captures(ctx, root); !errors.Is(err, context.Canceled) || list != nil {
		t.Errorf("captures: %d, %v", len(list), err)
	}
	if list, err := q.Captures(t.Context(), root); len(list) != largeFunctions || err != nil {
		t.Errorf("afterwards: %d captures, %v", len(list), err)
	}
	done, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := p.Parse(done, small); !errors.Is(err, cause) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// Any number of goroutines parse, ask and read at once, in two groups.
func TestConcurrent(t *testing.T) {
	l := newLibrary(t)
	thread, err := l.Linker().Main().Spawn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := load(t, l, "json")
	q, err := g.NewQuery(t.Context(), "(number) @n")
	if err != nil {
		t.Fatal(err)
	}
	_, shared := mustParse(t, l, g, "[1, 2, 3]")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			lib := l
			if i%2 == 1 {
				lib = l.In(thread)
			}
			for n := range 20 {
				p, err := lib.NewParser(t.Context(), g)
				if err != nil {
					t.Error(err)
					return
				}
				source := "[" + strings.Repeat("1, ", n) + "0]"
				tree, err := p.Parse(t.Context(), source)
				if err != nil {
					t.Error(err)
					return
				}
				root, err := tree.Root(t.Context())
				if err != nil || root.NamedChild(0).NamedChildCount() != n+1 {
					t.Errorf("%v: %v", root, err)
				}
				if c, err := q.Captures(t.Context(), shared); err != nil || len(c) != 3 {
					t.Errorf("%d captures, %v", len(c), err)
				}
				if err := errors.Join(tree.Close(t.Context()), p.Close(t.Context())); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func mustParse(t *testing.T, l *treesitter.Library, g *treesitter.Language,
	source string) (*treesitter.Tree, treesitter.Node) {
	t.Helper()
	p, err := l.NewParser(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, p, source)
}

// Parts of a text are parsed as if there were nothing between them.
func TestWithin(t *testing.T) {
	p := newParser(t, "json")
	const source = "é [1, {{ 😀 }} 2]"
	a, b := strings.Index(source, "["), strings.Index(source, "{{")
	c := strings.Index(source, "2")
	ranges := []treesitter.Range{treesitter.RangeAt(source, a, b),
		treesitter.RangeAt(source, c, len(source))}
	tree, root := parse(t, p, source, treesitter.Within(ranges...))
	if got := sexp(t, root); got != "(document (array (number) (number)))" {
		t.Errorf("tree %s", got)
	}
	if n := root.NamedChild(0).NamedChild(1); n.Text() != "2" || n.Start() != c {
		t.Errorf("second number %v: %q", n, n.Text())
	}
	got, err := tree.IncludedRanges(t.Context())
	if err != nil || !slices.Equal(got, ranges) {
		t.Errorf("ranges %v, %v, want %v", got, err, ranges)
	}
	whole, _ := parse(t, p, source)
	got, err = whole.IncludedRanges(t.Context())
	if err != nil || len(got) != 1 || got[0] != treesitter.RangeAt(source, 0, len(source)) {
		t.Errorf("ranges without any %v, %v", got, err)
	}
	for _, bad := range [][]treesitter.Range{{{Start: 5, End: 3}}, {{Start: 0, End: 99}},
		{{Start: -1, End: 3}}, {{Start: 0, End: 9}, {Start: 8, End: 10}}} {
		if _, err := p.Parse(t.Context(), source, treesitter.Within(bad...)); !errors.Is(err,
			treesitter.ErrRange) {
			t.Errorf("within %v: error %v", bad, err)
		}
	}
	for _, bad := range []treesitter.InputEdit{{Start: -1}, {Start: 3, OldEnd: 2},
		{Start: 3, OldEnd: 99}} {
		if _, err := tree.Edit(t.Context(), bad); !errors.Is(err, treesitter.ErrRange) {
			t.Errorf("edit %v: error %v", bad, err)
		}
	}
}

// A parser says what it does to who wants to hear it.
func TestLog(t *testing.T) {
	p := newParser(t, "json")
	var heard []string
	parse(t, p, "[1]", treesitter.Log(func(message string) { heard = append(heard, message) }))
	n := len(heard)
	if n < 20 || heard[0] != "new_parse" || heard[n-1] != "done" ||
		!slices.Contains(heard, "lexed_lookahead sym:number, size:2") {
		t.Errorf("heard %q", heard)
	}
	if parse(t, p, "[1]"); len(heard) != n {
		t.Error("the logger hears of another parse")
	}
}

// What belongs to another library or language is refused.
func TestForeign(t *testing.T) {
	l := newLibrary(t)
	json, golang := load(t, l, "json"), load(t, l, "go")
	p, err := l.NewParser(t.Context(), json)
	if err != nil {
		t.Fatal(err)
	}
	tree, root := parse(t, p, "[1]")
	q, err := golang.NewQuery(t.Context(), "(identifier) @i")
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.NewParser(t.Context(), golang)
	if err != nil {
		t.Fatal(err)
	}
	_, errParse := other.Parse(t.Context(), "package p", treesitter.After(tree))
	_, errQuery := q.Captures(t.Context(), root)
	_, errParser := newLibrary(t).NewParser(t.Context(), json)
	foreign, _ := parse(t, other, "package p")
	_, errRanges := tree.ChangedRanges(t.Context(), foreign)
	for i, err := range []error{errParse, errQuery, errParser, errRanges} {
		if !errors.Is(err, treesitter.ErrForeign) {
			t.Errorf("%d: error %v, want %v", i, err, treesitter.ErrForeign)
		}
	}
}

// A library that gets no memory aborts, half-way; it says so from then on, and what was read stays.
func TestBroken(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	wasm, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		t.Fatal(err)
	}
	l, err := treesitter.New(ctx, rt, wasm, linker.NewConfig().WithMemoryPages(512, 520))
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.NewParser(ctx, load(t, l, "json"))
	if err != nil {
		t.Fatal(err)
	}
	_, root := parse(t, p, "[1]")
	_, err = p.Parse(ctx, "["+strings.Repeat("[1, 2], ", 1_000_000)+"1]")
	if !errors.Is(err, treesitter.ErrBroken) {
		t.Errorf("without memory: error %v, want %v", err, treesitter.ErrBroken)
	}
	if _, err := p.Parse(ctx, "[1]"); !errors.Is(err, treesitter.ErrBroken) {
		t.Errorf("afterwards: error %v, want %v", err, treesitter.ErrBroken)
	}
	if root.NamedChild(0).Text() != "[1]" {
		t.Errorf("the tree from before: %v", root)
	}
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
}
