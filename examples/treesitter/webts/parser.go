package webts

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// runtimes has what grammars need that are written in C++: the tree-sitter library itself has no
// operator new.
//
//go:embed cxx/cxx.wasm
var runtimes embed.FS

// ErrNoTree means that the parser gave no tree for a reason it does not tell.
var ErrNoTree = errors.New("webts: no tree")

// LanguageError means that the tree-sitter library refuses a grammar, because the version of the
// interface it was generated for is too old or too new.
type LanguageError struct {
	Language string // for instance "elm"
	ABI      uint32 // the grammar's version
}

// Error implements the error interface.
func (e *LanguageError) Error() string {
	return fmt.Sprintf("webts: %s: the tree-sitter library does not accept interface version %d",
		e.Language, e.ABI)
}

// Parser is one process image: the tree-sitter library as its main module, and the grammars loaded
// so far. Results pass through a buffer in its memory, so a Parser is used by one goroutine at a
// time.
type Parser struct {
	linker   *linker.Linker
	group    *linker.Group // where calls are made
	transfer uint32        // address of the buffer through which the library returns structures
	parser   uint32        // TSParser *
	input    uint32        // the library's read buffer
}

// Language is a grammar that was loaded into a Parser.
type Language struct {
	name    string
	pointer uint32 // const TSLanguage *
}

// New links the tree-sitter library, the bytes of web-tree-sitter.wasm, in a runtime that
// [InstantiateHost] prepared.
func New(ctx context.Context, rt wazero.Runtime, library []byte) (*Parser, error) {
	config := linker.NewConfig().WithMainName("web-tree-sitter.wasm").
		WithFS(runtimes).WithPreload("cxx/cxx.wasm")
	l, err := linker.New(ctx, rt, library, config)
	if err != nil {
		return nil, err
	}
	p := &Parser{linker: l, group: l.Main()}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, l.Close(ctx))
	}
	return p, nil
}

// start makes the TSParser.
func (p *Parser) start(ctx context.Context) (err error) {
	if p.transfer, err = p.call(ctx, "ts_init"); err != nil {
		return err
	}
	if _, err = p.call(ctx, "ts_parser_new_wasm"); err != nil {
		return err
	}
	var ok1, ok2 bool
	p.parser, ok1 = p.memory().ReadUint32Le(p.transfer)
	p.input, ok2 = p.memory().ReadUint32Le(p.transfer + 4)
	if !ok1 || !ok2 {
		return fmt.Errorf("webts: transfer buffer %#x outside the memory", p.transfer)
	}
	return nil
}

// Load loads a grammar: the bytes of a module that exports the function "tree_sitter_" followed by
// the name of the language. The error is a [*LanguageError] when the library cannot use it, or one
// of the linker's; the grammar is unloaded then.
func (p *Parser) Load(ctx context.Context, language string, grammar []byte) (*Language, error) {
	handle, err := p.group.OpenBytes(ctx, "tree-sitter-"+language+".wasm", grammar)
	if err != nil {
		return nil, err
	}
	loaded, err := p.language(ctx, handle, language)
	if err != nil {
		return nil, errors.Join(err, p.group.CloseLibrary(context.WithoutCancel(ctx), handle))
	}
	return loaded, nil
}

// language asks a loaded grammar for its language, and the library whether it can use it.
func (p *Parser) language(ctx context.Context, grammar *linker.Library, name string) (*Language,
	error) {
	pointer, err := p.callIn(ctx, grammar, "tree_sitter_"+name)
	if err != nil {
		return nil, err
	}
	language := &Language{name: name, pointer: pointer}
	return language, p.use(ctx, language)
}

// use makes language the one that the TSParser parses.
func (p *Parser) use(ctx context.Context, language *Language) error {
	accepted, err := p.call(ctx, "ts_parser_set_language", p.parser, language.pointer)
	if err != nil || accepted != 0 {
		return err
	}
	abi, err := p.call(ctx, "ts_language_abi_version", language.pointer)
	if err != nil {
		return err
	}
	return &LanguageError{Language: language.name, ABI: abi}
}

// Parse returns the syntax tree of a source text as an S-expression on one line; [Indent] breaks it
// into lines. Text that the grammar does not know becomes (ERROR …) in the tree, not an error. A
// context that ends stops the parser.
func (p *Parser) Parse(ctx context.Context, language *Language, source string) (string, error) {
	var text string
	err := p.parse(ctx, language, source, func(ctx context.Context, tree uint32) (err error) {
		text, err = p.treeText(ctx, tree)
		return err
	})
	return text, err
}

// parse calls f with the TSTree of a source text.
func (p *Parser) parse(ctx context.Context, language *Language, source string,
	f func(ctx context.Context, tree uint32) error) error {
	// Setting the language also makes the TSParser forget a parse that was stopped half-way.
	if err := p.use(ctx, language); err != nil {
		return err
	}
	tree, err := p.call(withSource(ctx, newText(source)), "ts_parser_parse_wasm", p.parser, p.input,
		0, 0, 0)
	if err != nil {
		return err
	}
	if tree == 0 {
		return cmp.Or(context.Cause(ctx), ErrNoTree)
	}
	// What follows is short, and gives back what the tree takes.
	ctx = context.WithoutCancel(ctx)
	err = f(ctx, tree)
	_, errDelete := p.call(ctx, "ts_tree_delete", tree)
	return errors.Join(err, errDelete)
}

// treeText returns the S-expression of a TSTree.
func (p *Parser) treeText(ctx context.Context, tree uint32) (string, error) {
	// The root node goes into the transfer buffer, where the next call looks for it.
	if _, err := p.call(ctx, "ts_tree_root_node_wasm", tree); err != nil {
		return "", err
	}
	address, err := p.call(ctx, "ts_node_to_string_wasm", tree)
	if err != nil {
		return "", err
	}
	text, err := p.cString(address)
	_, errFree := p.call(ctx, "free", address)
	return text, errors.Join(err, errFree)
}

// Linker returns the process image, to spawn groups in it for instance.
func (p *Parser) Linker() *linker.Linker { return p.linker }

// In returns the same parser, working in another group of its process image. The tree-sitter
// library was built without threads: all groups together may do one thing at a time with it.
func (p *Parser) In(g *linker.Group) *Parser {
	q := *p
	q.group = g
	return &q
}

// Close releases the process image.
func (p *Parser) Close(ctx context.Context) error { return p.linker.Close(ctx) }

func (p *Parser) memory() api.Memory { return p.linker.Memory() }

// call calls a function of the tree-sitter library.
func (p *Parser) call(ctx context.Context, function string, args ...uint32) (uint32, error) {
	return p.callIn(ctx, linker.Default, function, args...)
}

// callIn calls a function of a library. The result is 0 where the function has none.
func (p *Parser) callIn(ctx context.Context, library *linker.Library, function string,
	args ...uint32) (uint32, error) {
	words := make([]uint64, len(args))
	for i, a := range args {
		words[i] = uint64(a)
	}
	results, err := p.group.Call(ctx, library, function, words...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return uint32(results[0]), nil
}

// cString copies the string at address, which ends with a zero byte.
func (p *Parser) cString(address uint32) (string, error) {
	memory := p.memory()
	if size := memory.Size(); address < size {
		rest, _ := memory.Read(address, size-address)
		if n := bytes.IndexByte(rest, 0); n >= 0 {
			return string(rest[:n]), nil
		}
	}
	return "", fmt.Errorf("webts: string %#x does not end within the memory", address)
}
