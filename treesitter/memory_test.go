package treesitter_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/treesitter"
)

// page is the size by which a memory grows.
const page = 65536

// A thousand times everything, and the library's memory is not larger than after the first rounds:
// what is closed is given back, and so is what the garbage collector finds.
func TestNothingLeaks(t *testing.T) {
	for _, closes := range []bool{true, false} {
		t.Run(fmt.Sprintf("closed %v", closes), func(t *testing.T) {
			ctx := t.Context()
			l := newLibrary(t)
			g := load(t, l, "tree-sitter-json/tree-sitter-json.wasm")
			source := "[" + strings.Repeat(`{"größe": [1, 2, "😀"]}, `, 50) + "0]"
			rounds := 0
			round := func() {
				p, err := l.NewParser(ctx, g)
				if err != nil {
					t.Fatal(err)
				}
				tree, root := parse(t, p, source)
				edited, err := tree.Edit(ctx, treesitter.InputEdit{Start: 1, OldEnd: 1, Text: "2,"})
				if err != nil {
					t.Fatal(err)
				}
				next, _ := parse(t, p, edited.Source(), treesitter.After(edited),
					treesitter.Within(treesitter.RangeAt(edited.Source(), 0, len(edited.Source()))))
				if _, err := edited.ChangedRanges(ctx, next); err != nil {
					t.Fatal(err)
				}
				if _, err := next.IncludedRanges(ctx); err != nil {
					t.Fatal(err)
				}
				if rounds++; rounds%10 != 0 {
					if closes {
						closeAll(t, p, tree, edited, next)
					}
					return
				}
				q, err := g.NewQuery(ctx, `(pair key: (_) @k (#match? @k "x|ö")) (number) @n`)
				if err != nil {
					t.Fatal(err)
				}
				if c, err := q.Captures(ctx, root); err != nil || len(c) != 151 {
					t.Fatalf("%d captures, %v", len(c), err)
				}
				if m, err := q.Matches(ctx, root); err != nil || len(m) != 151 {
					t.Fatalf("%d matches, %v", len(m), err)
				}
				less, err := q.WithoutCaptures(ctx, "n")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := g.NewQuery(ctx, `(nope)`); err == nil {
					t.Fatal("a query of nothing")
				}
				sexp(t, root)
				if _, err := g.Lookahead(ctx, root.NextParseState()); err != nil {
					t.Fatal(err)
				}
				if closes {
					closeAll(t, p, tree, edited, next, q, less)
				}
			}
			memory := l.Linker().Memory()
			var after uint32
			for i := range 1000 {
				round()
				if !closes && i%20 == 0 {
					runtime.GC()
				}
				if i == 200 {
					after = memory.Size()
				}
			}
			// How late the collector runs, a test does not say.
			slack := uint32(0)
			if !closes {
				slack = after / 2
			}
			if size := memory.Size(); size > after+slack {
				t.Errorf("after 200 rounds the memory has %d pages, after 1000 it has %d",
					after/page, size/page)
			}
		})
	}
}

func closeAll(t *testing.T, list ...interface{ Close(context.Context) error }) {
	t.Helper()
	for _, x := range list {
		for range 2 {
			if err := x.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What was closed says so; what was read before stays.
func TestClosed(t *testing.T) {
	ctx := t.Context()
	p := newParser(t, "json")
	tree, root := parse(t, p, "[1]")
	unread, err := p.Parse(ctx, "[2]")
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.Language().NewQuery(ctx, `(number) @n`)
	if err != nil {
		t.Fatal(err)
	}
	fails := func(what string, err error) {
		t.Helper()
		if err == nil || !errors.Is(err, treesitter.ErrClosed) {
			t.Errorf("%s: error %v, want %v", what, err, treesitter.ErrClosed)
		}
	}
	closeAll(t, tree)
	_, err = tree.Edit(ctx)
	fails("edit", err)
	_, err = tree.Root(ctx)
	fails("root", err)
	_, err = root.SExpression(ctx)
	fails("S-expression", err)
	_, err = q.Captures(ctx, root)
	fails("query of a closed tree", err)
	_, err = p.Parse(ctx, "[1]", treesitter.After(tree))
	fails("parse after a closed tree", err)
	_, err = unread.ChangedRanges(ctx, tree)
	fails("changed ranges", err)
	if root.Type() != "document" || root.Child(0).NamedChild(0).Text() != "1" {
		t.Errorf("the tree that was closed is %v", root)
	}
	closeAll(t, q)
	_, err = q.Matches(ctx, root)
	fails("closed query", err)
	closeAll(t, p)
	_, err = p.Parse(ctx, "[1]")
	fails("closed parser", err)
}

// After the library is closed, everything says so.
func TestLibraryClosed(t *testing.T) {
	ctx := t.Context()
	l := newLibrary(t)
	g := load(t, l, "json")
	p, err := l.NewParser(ctx, g)
	if err != nil {
		t.Fatal(err)
	}
	tree, root := parse(t, p, "[1]")
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
	_, errParse := p.Parse(ctx, "[1]")
	_, errParser := l.NewParser(ctx, g)
	_, errLoad := l.Load(ctx, "json", read(t, "json"))
	_, errQuery := g.NewQuery(ctx, "(number) @n")
	_, errRoot := tree.Root(ctx)
	for i, err := range []error{errParse, errParser, errLoad, errQuery, errRoot} {
		if !errors.Is(err, treesitter.ErrClosed) {
			t.Errorf("%d: error %v, want %v", i, err, treesitter.ErrClosed)
		}
	}
	if err := tree.Close(ctx); err != nil || root.NamedChild(0).Text() != "[1]" {
		t.Errorf("close: %v; the tree is %v", err, root)
	}
}
