// Command treesitter prints the syntax tree of a source file, the file in colours, or what a
// query finds in it:
//
//	go run ./examples/treesitter -grammar go FILE.go
//	go run ./examples/treesitter -grammar go -highlight FILE.go
//	go run ./examples/treesitter -grammar GRAMMAR.wasm -highlights highlights.scm FILE
//	go run ./examples/treesitter -grammar go -query '(call_expression function: (_) @f)' FILE.go
//
// The parser is the tree-sitter library, and the grammar a shared library for it, both as npm has
// them: stock WebAssembly, linked while the program runs. "make deps" fetches them. -grammar takes
// a language of the npm package tree-sitter-wasms, or the path of a file that ends in ".wasm".
// FILE is "-" for standard input.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, linker.NewRuntimeConfig(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "treesitter:", err)
		os.Exit(1)
	}
}

// run is main without the process around it.
func run(ctx context.Context, config wazero.RuntimeConfig, args []string, stdin io.Reader, stdout,
	stderr io.Writer) error {
	flags := flag.NewFlagSet("treesitter", flag.ContinueOnError)
	flags.SetOutput(stderr)
	grammar := flags.String("grammar", "",
		"the `language`: go, c, python, …, or a file tree-sitter-LANGUAGE.wasm")
	flat := flags.Bool("flat", false, "print the tree on one line")
	colours := flags.Bool("highlight", false, "print the text in colours, instead of its tree")
	highlights := flags.String("highlights", "",
		"print the text in colours as a `file` highlights.scm of the grammar says")
	query := flags.String("query", "", "print what a `query` captures, instead of the tree")
	flags.Usage = func() {
		fmt.Fprintln(stderr,
			"usage: treesitter -grammar LANGUAGE [-flat | -highlight | -highlights FILE.scm | -query QUERY] FILE")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *grammar == "" || flags.NArg() != 1 {
		flags.Usage()
		return errors.New("a grammar and one file are needed")
	}
	source, err := readSource(flags.Arg(0), stdin)
	if err != nil {
		return err
	}
	var text string
	err = withParser(ctx, config, *grammar, func(parser *treesitter.Parser) error {
		tree, err := parser.Parse(ctx, string(source))
		if err != nil {
			return err
		}
		root, err := tree.Root(ctx)
		if err != nil {
			return err
		}
		switch {
		case *query != "":
			text, err = captures(ctx, root, *query)
		case *highlights != "":
			text, err = highlightBy(ctx, root, *highlights)
		case *colours:
			text = highlight(string(source), tokens(root))
		default:
			if text, err = root.SExpression(ctx); *flat {
				text += "\n"
			} else {
				text = treesitter.Indent(text)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// captures lists what a query finds, a line each.
func captures(ctx context.Context, root treesitter.Node, source string) (string, error) {
	query, err := root.Tree().Language().NewQuery(ctx, source)
	if err != nil {
		return "", err
	}
	list, err := query.Captures(ctx, root)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, c := range list {
		fmt.Fprintf(&b, "@%s %v %q\n", c.Name, c.Node, c.Node.Text())
	}
	return b.String(), nil
}

func readSource(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// withParser links the tree-sitter library with a grammar, and calls f with a parser for it.
func withParser(ctx context.Context, config wazero.RuntimeConfig, grammar string,
	f func(parser *treesitter.Parser) error) (err error) {
	library, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		return err
	}
	wasm, err := readGrammar(grammar)
	if err != nil {
		return err
	}

	rt := wazero.NewRuntimeWithConfig(ctx, config)
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	lib, err := treesitter.New(ctx, rt, library, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lib.Close(context.WithoutCancel(ctx))) }()
	language, err := lib.Load(ctx, grammar, wasm)
	if err != nil {
		return err
	}
	parser, err := lib.NewParser(ctx, language)
	if err != nil {
		return err
	}
	return f(parser)
}

// readGrammar returns a grammar's module: that of a file, or of a stock language.
func readGrammar(grammar string) ([]byte, error) {
	if strings.HasSuffix(grammar, ".wasm") {
		return os.ReadFile(grammar)
	}
	return stock.Read(stock.GrammarFile(grammar))
}
