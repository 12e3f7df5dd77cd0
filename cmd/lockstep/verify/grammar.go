package verify

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

// samples are source texts, by grammar. Any other grammar parses the empty text.
var samples = map[string]string{
	"json": `{"name": "lockstep", "groups": [1, 2, 3, 4], "linked": true}`,
	"go":   "package p\n\nfunc Add(a, b int) int { return a + b }\n",
	"c":    "int add(int a, int b) { return a + b; }\n",
}

func grammarCount(o *Options) int64 { return int64(o.Groups) }

// parseInGroups loads a stock grammar into web-tree-sitter and parses in several groups. Each group
// looks up the grammar's function by itself, all at once; then each parses, one after the other,
// because stock modules are not built for threads. All must find the same function pointer and get
// the same tree.
func parseInGroups(ctx context.Context, o *Options, r *Report, task Task) (_ string, err error) {
	library, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		return "", unlessThere(err)
	}
	grammar, err := stock.Read(stock.GrammarFile(o.Grammar))
	if err != nil {
		return "", err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	lib, err := treesitter.New(ctx, rt, library, nil)
	if err != nil {
		return "", err
	}
	groups := []*linker.Group{lib.Linker().Main()}
	for len(groups) < o.Groups {
		g, err := groups[0].Spawn(ctx)
		if err != nil {
			return "", err
		}
		groups = append(groups, g)
	}
	language, err := lib.Load(ctx, o.Grammar, grammar)
	if err != nil {
		return "", err
	}
	pointers, err := lookUpInAll(ctx, groups, language.Library(), "tree_sitter_"+o.Grammar)
	if err != nil {
		return "", err
	}
	source := samples[o.Grammar]
	for i, g := range groups {
		tree, err := treeOf(ctx, lib.In(g), language, source)
		switch {
		case err != nil:
			return "", fmt.Errorf("group %d: %w", g.ID(), err)
		case i == 0:
			r.Tree = treesitter.Indent(tree)
		case treesitter.Indent(tree) != r.Tree:
			return "", failed("group %d parses another tree:\n%s", g.ID(), treesitter.Indent(tree))
		case pointers[i] != pointers[0]:
			return "", failed(
				"group %d has the function pointer %d, group %d has %d",
				g.ID(),
				pointers[i],
				groups[0].ID(),
				pointers[0],
			)
		}
		task.Advance(int64(i + 1))
	}
	return fmt.Sprintf(
		"grammar %s, %d groups, one function pointer, one tree",
		o.Grammar,
		len(groups),
	), nil
}

// treeOf returns the S-expression of a text.
func treeOf(ctx context.Context, lib *treesitter.Library, language *treesitter.Language,
	source string) (string, error) {
	parser, err := lib.NewParser(ctx, language)
	if err != nil {
		return "", err
	}
	tree, err := parser.Parse(ctx, source)
	if err != nil {
		return "", err
	}
	root, err := tree.Root(ctx)
	if err != nil {
		return "", err
	}
	return root.SExpression(ctx)
}

// lookUpInAll finds a function in all groups at once.
func lookUpInAll(ctx context.Context, groups []*linker.Group, library *linker.Library,
	name string) ([]uint32, error) {
	pointers, errs := make([]uint32, len(groups)), make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range groups {
		wg.Go(func() {
			sym, err := g.Symbol(ctx, library, name)
			pointers[i], errs[i] = sym.Pointer, err
		})
	}
	wg.Wait()
	return pointers, errors.Join(errs...)
}

// unlessThere turns the error of a stock module that is missing into a check that is skipped, away
// from the source tree: only there "make deps" can fetch it.
func unlessThere(err error) error {
	if errors.Is(err, stock.ErrNoRoot) {
		return skippedError{err}
	}
	return err
}
