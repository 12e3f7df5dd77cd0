// Command treesitter prints the syntax tree of a source file, or the file in colours:
//
//	go run ./examples/treesitter -grammar go FILE.go
//	go run ./examples/treesitter -grammar go -highlight FILE.go
//
// The parser is the tree-sitter library, and the grammar a shared library for it, both as npm has
// them: stock WebAssembly, linked while the program runs. "make deps" fetches them. -grammar takes
// a language of the npm package tree-sitter-wasms, or the path of a file tree-sitter-LANGUAGE.wasm.
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
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/treesitter/webts"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
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
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: treesitter -grammar LANGUAGE [-flat | -highlight] FILE")
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
	err = withParser(ctx, config, *grammar,
		func(parser *webts.Parser, language *webts.Language) (err error) {
			if *colours {
				var tokens []webts.Token
				tokens, err = parser.Tokens(ctx, language, string(source))
				text = highlight(string(source), tokens)
				return err
			}
			if text, err = parser.Parse(ctx, language, string(source)); *flat {
				text += "\n"
			} else {
				text = webts.Indent(text)
			}
			return err
		})
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, text)
	return err
}

func readSource(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// withParser links the tree-sitter library with a grammar, and calls f with both.
func withParser(ctx context.Context, config wazero.RuntimeConfig, grammar string,
	f func(parser *webts.Parser, language *webts.Language) error) (err error) {
	library, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		return err
	}
	name, wasm, err := readGrammar(grammar)
	if err != nil {
		return err
	}

	rt := wazero.NewRuntimeWithConfig(ctx, config)
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	if err := webts.InstantiateHost(ctx, rt); err != nil {
		return err
	}
	parser, err := webts.New(ctx, rt, library)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parser.Close(context.WithoutCancel(ctx))) }()
	language, err := parser.Load(ctx, name, wasm)
	if err != nil {
		return err
	}
	return f(parser, language)
}

// readGrammar returns a grammar's language and module. grammar is a file or a stock language.
func readGrammar(grammar string) (language string, wasm []byte, err error) {
	base, isFile := strings.CutSuffix(filepath.Base(grammar), ".wasm")
	if !isFile {
		wasm, err = stock.Read(stock.GrammarFile(grammar))
		return grammar, wasm, err
	}
	wasm, err = os.ReadFile(grammar)
	return strings.TrimPrefix(base, "tree-sitter-"), wasm, err
}
