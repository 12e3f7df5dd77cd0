package linker_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Every error type says what happened, to which module and symbol, what was expected and what was
// found; and it gives its cause to errors.Is and errors.As. No type is missing here.
func TestErrorMessages(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&linker.LoadError{File: "lib/a.wasm", Module: "a.wasm", Err: fs.ErrPermission},
			`linker: load a.wasm (lib/a.wasm): permission denied`},
		{&linker.LoadError{File: "a", Module: "a", Err: linker.ErrNoMemory},
			`linker: load a: the guest's allocator returned no memory`},
		{&linker.LoadError{Module: "a", Err: &linker.LoadError{Module: "b", Err: fs.ErrNotExist}},
			`linker: load a: load b: file does not exist`},
		{&linker.NotFoundError{Name: "a.wasm", Searched: []string{"lib/a.wasm", "a.wasm"}},
			`linker: library "a.wasm" not found: tried lib/a.wasm, a.wasm (` +
				`Config.WithSearchPath, or --lib of the command, says where else to look)`},
		{&linker.NotFoundError{Name: "a.wasm"},
			`linker: library "a.wasm" not found: there is no file system to search (Config.WithFS)`},
		{&linker.NotFoundError{Name: "../a.wasm", Outside: []string{"../a.wasm"}},
			`linker: library "../a.wasm" not found: ../a.wasm leads out of the file system`},
		{&linker.UndefinedSymbolError{Module: "a", Symbol: "f"},
			`linker: module a: undefined symbol "f"`},
		{&linker.UndefinedSymbolError{Symbol: "f"}, `linker: undefined symbol "f"`},
		{&linker.UndefinedSymbolError{Symbol: "f", Searched: "b"},
			`linker: undefined symbol "f" in b ` +
				`(Library.Symbols, or lockstep info, lists what there is)`},
		{&linker.UndefinedSymbolError{Symbol: "f", Searched: "b", Next: true},
			`linker: undefined symbol "f" after b`},
		{&linker.SymbolError{Module: "a", Symbol: "f", Definer: "b", Want: "(i32) -> ()",
			Found: "() -> ()"},
			`linker: module a: symbol "f" of b: want (i32) -> (), found () -> ()`},
		{&linker.SymbolError{Symbol: "f", Definer: "b", Want: "a function", Found: "data"},
			`linker: symbol "f" of b: want a function, found data`},
		{&linker.ImportError{Module: "a", Namespace: "env", Name: "memory", Reason: "no"},
			`linker: module a: import env.memory: no`},
		{&linker.LimitError{Limit: "memory (pages)", Value: 2, Max: 1},
			`linker: memory (pages): 2 needed, at most 1 possible`},
		{&linker.SegmentError{Module: "a", Segment: "data segment 0", From: 1, To: 2, Low: 16,
			High: 32},
			`linker: module a: data segment 0 writes to 0x1..0x2, outside of 0x10..0x20`},
		{&linker.FeatureError{Feature: "threads", Err: errInjected},
			`linker: the runtime lacks the feature "threads" (see linker.NewRuntimeConfig): injected`},
		{&linker.InterruptedError{Group: 3, Err: linker.ErrClosed},
			`linker: group 3: interrupted: closed`},
		{&linker.PointerError{Pointer: 7, Reason: "invalid table access", Err: errInjected},
			`linker: function pointer 7: invalid table access`},
		{&linker.TableError{Module: "a", Instruction: "table.set", Offset: 18},
			`linker: module a: table.set at offset 0x12 changes the function table, which is the linker's (closures are the way to have entries)`},
		{&linker.ClosureError{Slot: 7}, `linker: table entry 7 is not an allocated closure`},
		{&linker.HandleError{Handle: 7}, `linker: 0x7 is not the handle of an open library`},
		{&linker.DestructorError{Module: "a", Pointer: 7, Err: errInjected},
			`linker: module a: destructor 7: injected`},
		{&linker.ThreadError{Thread: 7, Err: errInjected}, `linker: thread 7: injected`},
		{&linker.PanicError{During: "reading a file", Value: errInjected},
			`linker: reading a file panicked: injected`},
		{&linker.PanicError{During: "reading a file"},
			`linker: reading a file ended its goroutine`},
		{&linker.CallbackError{Type: "(externref) -> ()", Reason: "no"},
			`linker: callback (externref) -> (): no`},
		{&linker.DefinitionError{Symbol: "x", Reason: "it has no bytes"},
			`linker: definition of "x": it has no bytes`},
		{&linker.OtherBytesError{Name: "a", File: "lib/a.wasm"},
			"linker: a is loaded already, with other contents (from lib/a.wasm): " +
				"close it, or give the new version a name of its own"},
		{&linker.HostModuleError{Module: "a", Namespace: "host", Name: "f"},
			`linker: module a: import host.f: guests may not import from this module of the host`},
		{&linker.OptionError{Option: 99}, `linker: unknown option OpenOption(99)`},
	} {
		seen[reflect.TypeOf(c.err).Elem().Name()] = true
		if got := c.err.Error(); got != c.want {
			t.Errorf("%T: %q, want %q", c.err, got, c.want)
		}
		cause := reflect.ValueOf(c.err).Elem().FieldByName("Err")
		if cause.IsValid() && !errors.Is(c.err, cause.Interface().(error)) {
			t.Errorf("%T hides its cause", c.err)
		}
	}
	for _, name := range errorTypes(t) {
		if !seen[name] {
			t.Errorf("the messages of %s are not tested", name)
		}
	}
}

// errorTypes are the exported types of package linker whose names end in Error.
func errorTypes(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() &&
				strings.HasSuffix(spec.Name.Name, "Error") {
				names = append(names, spec.Name.Name)
			}
			return true
		})
	}
	if len(names) < 10 {
		t.Fatalf("only %q", names)
	}
	return names
}

// A look-up that fails says where it has looked.
func TestUndefinedSaysWhere(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	other := i.open("other")
	for _, tt := range []struct {
		lib   *linker.Library
		where string
		next  bool
	}{
		{linker.Default, "", false},
		{nil, "", false},
		{other, "libother.wasm", false},
		{linker.Next(other), "libother.wasm", true},
		{linker.Next(linker.Default), "main-pie", true},
	} {
		var undefined *linker.UndefinedSymbolError
		want := linker.UndefinedSymbolError{Symbol: "nobody_has_it", Searched: tt.where,
			Next: tt.next}
		if _, err := i.g.Symbol(i.ctx, tt.lib, "nobody_has_it"); !errors.As(err, &undefined) ||
			*undefined != want {
			t.Errorf("%v, want %v", err, &want)
		}
	}
}
