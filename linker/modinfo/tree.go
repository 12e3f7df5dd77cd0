package modinfo

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/search"
)

// maxModules is how many modules a tree may have: as many as a linker loads by default, and the
// main module.
const maxModules = 1025

// Node is a module of a tree.
type Node struct {
	Name   string  `json:"name"`           // by which it is needed; of the root, its file
	File   string  `json:"file,omitempty"` // where it was found
	Why    string  `json:"why,omitempty"`  // by which rule the file was chosen
	By     string  `json:"needed_by,omitempty"`
	Err    string  `json:"error,omitempty"` // why it cannot be loaded
	Needed []*Node `json:"needed,omitempty"`
	Again  bool    `json:"again,omitempty"` // it is in the tree already, with what it needs

	Module *Module `json:"-"`
}

// Binding says who defines a symbol that a module imports.
type Binding struct {
	Module  string `json:"module"` // the module that imports it
	Symbol  Symbol `json:"symbol"`
	Definer string `json:"definer,omitempty"` // a module, "linker", "host" or "null"; else empty
	Err     string `json:"error,omitempty"`   // what is wrong
	Fatal   bool   `json:"fatal,omitempty"`   // loading fails
}

// Tree is a module with all that it needs.
type Tree struct {
	Root     *Node     `json:"root"`
	Order    []*Node   `json:"-"` // every module once, in the order in which symbols are searched
	Bindings []Binding `json:"bindings"`
}

// Missing tells whether the tree has a library that is not there, or a symbol without which loading
// fails.
func (t *Tree) Missing() bool {
	for _, n := range t.Order {
		if n.Err != "" {
			return true
		}
	}
	for _, b := range t.Bindings {
		if b.Fatal {
			return true
		}
	}
	return false
}

// TreeOptions say how a tree is read.
type TreeOptions struct {
	SearchPath []string // folders of the file system; none: its root
	Preload    []string // libraries that come right behind the root, or behind Main
	// Main is the file of the main module into which the root is loaded. Empty: the root is it, or
	// it is not known.
	Main string
}

// ReadTree reads a module and everything that it needs, from a file system, and binds its symbols
// as a linker would that was configured in the same way. Host functions are taken to be there in
// every namespace but "env"; of that it knows what the linker provides itself. What is missing is
// in the tree. The error is that of the root itself, or of the main module.
func ReadTree(fsys fs.FS, file string, o TreeOptions) (*Tree, error) {
	t := &treeReader{
		fsys:   fsys,
		dirs:   o.SearchPath,
		byName: map[string]*Node{},
		byFile: map[string]*Node{},
	}
	if o.Main != "" {
		main, err := t.root(o.Main)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Main, err)
		}
		t.Order = []*Node{main}
	}
	root, err := t.root(file)
	if err != nil {
		return nil, err
	}
	t.Root = root
	if len(t.Order) == 0 {
		t.Order = []*Node{root}
	}
	for _, name := range o.Preload {
		root.Needed = append(root.Needed, t.find(name, root, "preloaded"))
	}
	if o.Main != "" {
		t.Order = append(t.Order, root)
	}
	for i := 0; i < len(t.Order); i++ {
		n := t.Order[i]
		if n.Module == nil {
			continue
		}
		for _, name := range n.Module.Needed {
			n.Needed = append(n.Needed, t.find(name, n, ""))
		}
	}
	for _, n := range t.Order {
		t.bind(n)
	}
	return &t.Tree, nil
}

type treeReader struct {
	Tree
	fsys   fs.FS
	dirs   []string
	byName map[string]*Node
	byFile map[string]*Node
}

// root reads a module that is given by its file.
func (t *treeReader) root(file string) (*Node, error) {
	file = search.Clean(file)
	bytes, err := fs.ReadFile(t.fsys, file)
	if err != nil {
		return nil, err
	}
	m, err := Read(bytes)
	if err != nil {
		return nil, err
	}
	n := &Node{Name: path.Base(file), File: file, Module: m}
	t.byFile[file] = n
	return n, nil
}

// find returns the node of a name that a module needs.
func (t *treeReader) find(name string, from *Node, why string) *Node {
	n := &Node{Name: name, By: from.Name}
	if known := t.byName[name]; known != nil {
		n.File, n.Why, n.Err, n.Again = known.File, known.Why, known.Err, true
		return n
	}
	t.byName[name] = n
	if len(t.Order) >= maxModules {
		n.Err = fmt.Sprintf("more than %d libraries", maxModules-1)
		t.Order = append(t.Order, n)
		return n
	}
	var runtimePath []string
	if from.Module != nil && why == "" {
		runtimePath = from.Module.Path
	}
	var tried []string
	for _, c := range search.Files(name, from.File, runtimePath, t.dirs) {
		if !fs.ValidPath(c.File) {
			continue
		}
		tried = append(tried, c.File)
		info, err := fs.Stat(t.fsys, c.File)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		n.File, n.Why = c.File, c.Why
		if why != "" {
			n.Why = why + ", " + c.Why
		}
		if known := t.byFile[c.File]; known != nil { // one file under two names is one library
			n.Again = true
			return n
		}
		switch {
		case err != nil:
			n.Err = err.Error()
		case info.IsDir():
			n.Err = "is a directory"
		default:
			t.read(n)
		}
		t.byFile[c.File] = n
		t.Order = append(t.Order, n)
		return n
	}
	n.Err = "not found: tried " + strings.Join(tried, ", ")
	t.Order = append(t.Order, n)
	return n
}

func (t *treeReader) read(n *Node) {
	bytes, err := fs.ReadFile(t.fsys, n.File)
	if err != nil {
		n.Err = err.Error()
		return
	}
	m, err := Read(bytes)
	switch {
	case err != nil:
		n.Err = err.Error()
	case m.Form == Plain || m.Form == Executable:
		n.Err = "not a shared library: it has no dylink.0 section (wasm-ld -shared writes it)"
	default:
		n.Module = m
	}
}

// bind finds who defines what a module imports.
func (t *treeReader) bind(n *Node) {
	if n.Module == nil {
		return
	}
	for _, s := range n.Module.Imports {
		if s.Kind == OwnMachine || s.Kind == Table || s.Kind == Memory {
			continue
		}
		b := Binding{Module: n.Name, Symbol: s}
		switch {
		case s.Namespace != "env" && !strings.HasPrefix(s.Namespace, "GOT."):
			b.Definer = "host"
		default:
			t.define(&b, n)
		}
		t.Bindings = append(t.Bindings, b)
	}
}

// define finds the first definition, in search order.
func (t *treeReader) define(b *Binding, from *Node) {
	for _, n := range t.Order {
		if n.Module == nil {
			continue
		}
		for _, x := range n.Module.Exports {
			if x.Name != b.Symbol.Name || x.Again || x.Kind == OwnMachine {
				continue
			}
			b.Definer = n.Name
			b.Err = mismatch(b.Symbol, x)
			// What is only called by another type fails when it is called.
			b.Fatal = b.Err != "" && (b.Symbol.Kind != Function || x.Kind != Function)
			return
		}
	}
	function := b.Symbol.Kind == Function || b.Symbol.Kind == Pointer
	switch {
	case function && Provided(b.Symbol.Name):
		b.Definer = "linker"
	case b.Symbol.Kind == Tag:
		b.Definer = "linker" // one for the whole image
	case b.Symbol.Weak:
		b.Definer = "null"
	case b.Symbol.Kind == Function:
		b.Err = "not defined here: the host's, or calling it fails"
	case b.Symbol.Kind == Pointer:
		b.Err = "not defined here: calling it fails"
	default:
		b.Err, b.Fatal = "undefined", true
	}
}

// mismatch tells why an export is not what an import takes it for.
func mismatch(want, found Symbol) string {
	switch {
	case want.Kind == Function && found.Kind != Function,
		want.Kind == Pointer && found.Kind != Function,
		want.Kind == Address && found.Kind != Data && found.Kind != TLS:
		return fmt.Sprintf("is a %s there", found.Kind)
	case want.Kind == Function && want.Type != found.Type:
		return fmt.Sprintf("is called as %s, defined as %s", want.Type, found.Type)
	}
	return ""
}

// Provided tells whether the linker itself has a function of this name for guests that import it
// from env, unless a module or the host has it.
func Provided(name string) bool {
	switch name {
	case "dlopen",
		"dlsym",
		"dlclose",
		"dlerror",
		"dladdr",
		"dl_iterate_phdr",
		"atexit",
		"__cxa_atexit",
		"__cxa_thread_atexit",
		"__cxa_thread_atexit_impl",
		"abort",
		"_abort_js",
		"emscripten_resize_heap",
		"emscripten_notify_memory_growth":
		return true
	}
	return false
}
