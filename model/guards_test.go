package model

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/tla"
)

// conjuncts are the guards of an action in the text, each in one line.
func conjuncts(t *testing.T, spec *tla.Specification, action string) []string {
	t.Helper()
	module, err := spec.Definer(action)
	if err != nil {
		t.Fatal(err)
	}
	found, err := module.Conjuncts(action)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Each method of the protocol has exactly the guard of its action in the text: the same conjuncts,
// in the same order, word by word. That the Go conditions mean what these texts say is shown by the
// graphs (TestExplorerAgreesWithTLC) and by z3 (proof.TestTranslationIsTheProtocol).
func TestGuardsAreTheSpecifications(t *testing.T) {
	spec := linkerSync(t)
	inGo := guardsInGo(t)
	for _, action := range protocol.Actions() {
		want := conjuncts(t, spec, action.String())
		if len(want) == 0 || want[0] != "Usable" {
			t.Errorf("%s has the guard %q, which does not begin with Usable", action, want)
		}
		if got := inGo[action.String()]; !slices.Equal(got, want) {
			t.Errorf("%s:\nGo has                %q\nthe specification has %q", action, got, want)
		}
		delete(inGo, action.String())
	}
	if len(inGo) > 0 {
		t.Errorf("guards that belong to no action: %v", inGo)
	}
}

// guardsInGo are the texts that each method of protocol.State calls that with, in order.
func guardsInGo(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../linker/protocol/actions*.go")
	if err != nil || len(files) < 4 {
		t.Fatalf("only the files %q: %v", files, err)
	}
	guards := map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			method, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(method, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "that" {
					guards[method.Name.Name] = append(guards[method.Name.Name],
						literal(t, call.Args[1]))
				}
				return true
			})
		}
	}
	return guards
}

// literal is the value of a constant text.
func literal(t *testing.T, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		return text
	case *ast.BinaryExpr:
		return literal(t, e.X) + literal(t, e.Y)
	}
	t.Fatalf("%T in the place of the text of a guard", e)
	return ""
}

// A step that Go refuses is refused by a guard of its action, and changes nothing: in every state
// of every small model.
func TestRefusalsAreGuards(t *testing.T) {
	spec := linkerSync(t)
	suite := specifications(t)
	refused := 0
	for _, m := range suite.Models {
		if !m.Explorer || m.Kind != tla.KindModel || m.Distinct > 4500 {
			continue
		}
		guards := map[protocol.Action][]string{}
		for _, action := range protocol.Actions() {
			guards[action] = conjuncts(t, spec, action.String())
		}
		x := explorerOf(t, m)
		var steps []protocol.Step
		for step := range x.Config.Steps(x.Ops) {
			steps = append(steps, step)
		}
		x.Visit = func(s *protocol.State) {
			for _, step := range steps {
				next := *s
				r := next.Try(step)
				if r == protocol.Done {
					continue
				}
				refused++
				if next != *s { // the explorer tries the next step on the same copy
					t.Fatalf("%s is refused by %s, but changed the state", step, r)
				}
				if !slices.Contains(guards[step.Action], string(r)) {
					t.Fatalf("%s is refused by %s, which is no guard in the specification", step, r)
				}
			}
		}
		if _, err := x.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}
