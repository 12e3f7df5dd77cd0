package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

// config is what all runtimes of this test process are made with.
var config wazero.RuntimeConfig

// TestMain gives all runtimes one directory of compiled modules, so that each module is compiled
// once.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "treesitter")
	if err != nil {
		log.Fatal(err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	config = linker.NewRuntimeConfig().WithCompilationCache(cache)
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// parse returns the tree of a text.
func parse(ctx context.Context, config wazero.RuntimeConfig, grammar, source string) (string,
	error) {
	var text string
	err := withParser(ctx, config, grammar, func(parser *treesitter.Parser) error {
		tree, err := parser.Parse(ctx, source)
		if err != nil {
			return err
		}
		root, err := tree.Root(ctx)
		if err != nil {
			return err
		}
		text, err = root.SExpression(ctx)
		return err
	})
	return text, err
}

func TestPrintedTree(t *testing.T) {
	file := filepath.Join("testdata", "small.go")
	want, err := os.ReadFile(filepath.Join("testdata", "small.tree"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(string(want)), " ") + "\n"
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"indented", []string{"-grammar", "go", file}, string(want)},
		{"flat", []string{"-grammar", "go", "-flat", file}, flat},
		{"standard input", []string{"-grammar", "go", "-flat", "-"}, flat},
		{"a grammar's file",
			[]string{"-grammar", mustPath(t, stock.GrammarFile("go")), "-flat", file}, flat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if err := run(t.Context(), config, tt.args, bytes.NewReader(source), &stdout,
				&stderr); err != nil {
				t.Fatal(err)
			}
			if stdout.String() != tt.want || stderr.Len() != 0 {
				t.Errorf("prints\n%sand to standard error %q; want\n%s", &stdout, &stderr, tt.want)
			}
		})
	}
}

func mustPath(t *testing.T, name string) string {
	t.Helper()
	file, err := stock.Path(name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestGrammarsWithDylink0 parses with the grammars that have the newer section.
func TestGrammarsWithDylink0(t *testing.T) {
	for name, source := range map[string]string{
		stock.TreeSitterC:      "int main(void) { return 0; }\n",
		stock.TreeSitterPython: "def f(x):\n    return x + 1\n",
	} {
		tree, err := parse(t.Context(), config, mustPath(t, name), source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(tree, "ERROR") || !strings.Contains(tree, "return_statement") {
			t.Errorf("%s: the tree is %s", name, tree)
		}
	}
}

func TestBadInvocations(t *testing.T) {
	tests := []struct {
		name string
		args []string
		is   func(error) bool
	}{
		{"nothing", nil, func(err error) bool { return err != nil }},
		{"no file", []string{"-grammar", "go"}, func(err error) bool { return err != nil }},
		{"missing file", []string{"-grammar", "go", "testdata/none.go"},
			func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
		{"no such grammar", []string{"-grammar", "latin", "-"}, func(err error) bool {
			return errors.Is(err, stock.ErrNoFile) &&
				strings.Contains(err.Error(), "the grammars are bash, c, ")
		}},
		{"missing grammar file", []string{"-grammar", "testdata/none.wasm", "-"},
			func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
		{"not a library", []string{"-grammar", mustPath(t, stock.TLAChecker), "-"},
			func(err error) bool {
				var refused *linker.LoadError
				return errors.As(err, &refused) &&
					strings.Contains(err.Error(), stock.TLAChecker)
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := run(t.Context(), config, tt.args, strings.NewReader(""), io.Discard, io.Discard)
			if !tt.is(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}
