package treesitter_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

// sample is a small input for one grammar. The tree was recorded with the same modules under V8,
// which shares no code with this linker.
type sample struct{ Language, Source, Tree string }

// TestEveryStockGrammar parses a small input with each of the 36 grammars of an older format: 34
// give the tree that V8 gives, and two are refused, because they were generated for an interface
// that the tree-sitter library knows no more.
func TestEveryStockGrammar(t *testing.T) {
	refused := map[string]uint32{"elm": 12, "ql": 10}
	languages, err := stock.Grammars()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/trees.json")
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	if err := json.Unmarshal(text, &samples); err != nil {
		t.Fatal(err)
	}
	if len(languages) != 36 || len(samples) != 36 {
		t.Fatalf("%d grammars and %d samples, want 36", len(languages), len(samples))
	}
	shared := newLibrary(t)
	for i, s := range samples {
		t.Run(s.Language, func(t *testing.T) {
			l := shared
			if s.Language == "lua" {
				l = newLibrary(t) // its scanner takes memory, and for granted that it is zero
			}
			if languages[i] != s.Language {
				t.Fatalf("the sample is for %s, the grammar is %s", s.Language, languages[i])
			}
			language, err := l.Load(t.Context(), s.Language+".wasm", read(t, s.Language))
			if abi := refused[s.Language]; abi != 0 {
				var e *treesitter.LanguageError
				want := treesitter.LanguageError{File: s.Language + ".wasm", ABI: abi}
				if !errors.As(err, &e) || *e != want {
					t.Errorf("error %v, want %v", err, &want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			p, err := l.NewParser(t.Context(), language)
			if err != nil {
				t.Fatal(err)
			}
			if _, root := parse(t, p, s.Source); sexp(t, root) != s.Tree {
				t.Errorf("the tree is\n%swant\n%s", treesitter.Indent(sexp(t, root)),
					treesitter.Indent(s.Tree))
			}
			if language.Name() != s.Language {
				t.Errorf("the name is %q", language.Name())
			}
		})
	}
}

// A language tells its types, fields and states.
func TestLanguage(t *testing.T) {
	ctx := t.Context()
	p := newParser(t, "tree-sitter-java/tree-sitter-java.wasm")
	g := p.Language()
	if m, ok := g.Metadata(); g.Name() != "java" || g.ABI() < 14 || ok && m.Major != 0 {
		t.Errorf("%s, interface %d, version %v %v", g.Name(), g.ABI(), m, ok)
	}
	symbol, ok, err := g.Symbol(ctx, "class_declaration", true)
	if err != nil || !ok || g.TypeName(symbol) != "class_declaration" || !g.TypeIsNamed(symbol) ||
		!g.TypeIsVisible(symbol) {
		t.Errorf("class_declaration is %d %v, %v", symbol, ok, err)
	}
	if _, ok, err := g.Symbol(ctx, "class_declaration", false); ok || err != nil {
		t.Errorf("class_declaration is anonymous: %v, %v", ok, err)
	}
	if s, ok, err := g.Symbol(ctx, "class", false); !ok || err != nil || g.TypeIsNamed(s) {
		t.Errorf("class: %v, %v", ok, err)
	}
	if id := g.FieldID("name"); id == 0 || g.FieldName(id) != "name" || g.FieldID("nope") != 0 ||
		g.FieldID("") != 0 || g.FieldName(60000) != "" || g.FieldCount() < int(id) {
		t.Errorf("field name is %d of %d", id, g.FieldCount())
	}
	if g.TypeName(60000) != "" || g.TypeName(65535) != "ERROR" || g.TypeCount() < 100 {
		t.Errorf("%d types", g.TypeCount())
	}
	_, root := parse(t, p, "class A { }")
	class := root.Child(0)
	names := func(state uint16) (list []string) {
		symbols, err := g.Lookahead(ctx, state)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range symbols {
			list = append(list, g.TypeName(s))
		}
		return list
	}
	if list := names(class.Child(0).NextParseState()); !slices.Contains(list, "identifier") {
		t.Errorf("behind class: %q", list)
	}
	next, err := g.NextState(ctx, class.Child(0).ParseState(), class.Child(0).Symbol())
	if err != nil || next != class.Child(0).NextParseState() || int(next) >= g.StateCount() {
		t.Errorf("next state %d of %d, %v, want %d", next, g.StateCount(), err,
			class.Child(0).NextParseState())
	}
	if list, err := g.Lookahead(ctx, 65000); len(list) != 0 || err != nil {
		t.Errorf("behind no state: %d types, %v", len(list), err)
	}
}

// Supertypes have subtypes, in grammars that are new enough to tell.
func TestSupertypes(t *testing.T) {
	l := newLibrary(t)
	g := load(t, l, "tree-sitter-javascript/tree-sitter-javascript.wasm")
	found := map[string]bool{}
	for _, s := range g.Supertypes() {
		for _, sub := range g.Subtypes(s) {
			found[g.TypeName(s)+" "+g.TypeName(sub)] = true
		}
	}
	if !found["expression primary_expression"] || !found["statement if_statement"] {
		t.Errorf("supertypes: %v", found)
	}
	if oldest, newest := l.Versions(); g.ABI() < oldest || g.ABI() > newest || g.ABI() < 15 {
		t.Errorf("interface %d, accepted are %d to %d", g.ABI(), oldest, newest)
	}
}

// What is no grammar is refused, and the library goes on.
func TestLoadThatFails(t *testing.T) {
	l := newLibrary(t)
	var e *treesitter.LanguageError
	glue, err := os.ReadFile("glue/glue.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(t.Context(), "glue.wasm", glue); !errors.As(err, &e) ||
		!errors.Is(err, treesitter.ErrNoLanguage) || e.File != "glue.wasm" {
		t.Errorf("no function: %v", err)
	}
	// the linker says it: the file is not read before
	var le *linker.LoadError
	if _, err := l.Load(t.Context(), "x", []byte("nope")); !errors.As(err, &le) ||
		errors.As(err, &e) {
		t.Errorf("no module: %v", err)
	}
	// a module that has the function, and is no library: its name is the only thing that fits
	program := []byte("\x00asm\x01\x00\x00\x00\x01\x05\x01\x60\x00\x01\x7f\x03\x02\x01\x00" +
		"\x07\x11\x01\x0dtree_sitter_x\x00\x00\x0a\x06\x01\x04\x00\x41\x07\x0b")
	if _, err := l.Load(t.Context(), "x.wasm", program); !errors.Is(err, linker.ErrNotLibrary) {
		t.Errorf("no library: %v", err)
	}
	p, err := l.NewParser(t.Context(), load(t, l, "json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, root := parse(t, p, "[]"); sexp(t, root) != "(document (array))" {
		t.Errorf("afterwards: %s", sexp(t, root))
	}
}
