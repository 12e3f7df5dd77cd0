package lint

import (
	"slices"
	"strings"
	"testing"
)

// A layer is packages that may import those of lower layers. "x/..." is every package below x that
// no other layer names.
type layer struct {
	name     string
	packages []string
	// beside says that packages of the layer may import each other, too.
	beside bool
}

// layers is the order of the packages, the lowest first. In the linker's own part an arrow points
// from each room to rooms further down, and to no room beside it.
var layers = []layer{
	{name: "tools", packages: []string{"internal/...", "linker/internal/ctxlock",
		"linker/internal/dtor", "linker/internal/futex", "linker/internal/goroutine",
		"linker/internal/leb", "linker/internal/loops", "linker/internal/persist",
		"linker/internal/search",
		"linker/internal/spans", "linker/internal/text",
		"linker/protocol"}},
	{name: "formats", packages: []string{"linker/internal/mutant", "linker/internal/wasm"}},
	{name: "sections", packages: []string{"linker/dylink"}},
	{name: "leaves", packages: []string{"linker/internal/codecache", "linker/internal/failpoint",
		"linker/internal/fdlock", "linker/internal/heap", "linker/internal/linmem",
		"linker/internal/presence", "linker/internal/table"}},
	{name: "records", packages: []string{"linker/internal/image"}},
	{name: "plans", packages: []string{"linker/internal/guestabi", "linker/internal/shim"}},
	{name: "decisions", packages: []string{"linker/internal/resolve"}},
	{name: "spaces", packages: []string{"linker/internal/space"}},
	{name: "coordination", packages: []string{"linker/coord"}},
	{name: "readers", packages: []string{"linker/modinfo", "linker/synth"}},
	{name: "linker", packages: []string{"linker"}},
	{name: "upon the linker", beside: true, packages: []string{"libraries", "linker/...", "plugin",
		"programs/...", "treesitter"}},
	{name: "evidence", beside: true, packages: []string{"counterexample", "docs", "fuzz/...",
		"include", "lincheck/...", "model", "playground/...", "spec", "stock/...",
		"timeline",
		"tla/..."}},
	{name: "programs", beside: true, packages: []string{"cmd/...", "examples/...",
		"linker/bench"}},
}

// upward are imports that point up still, and why.
var upward = map[string]string{}

// pure are the packages that know nothing of the engine.
var pure = []string{"linker/coord", "linker/dylink", "linker/internal/dtor",
	"linker/internal/failpoint", "linker/internal/fdlock", "linker/internal/futex",
	"linker/internal/goroutine", "linker/internal/guestabi", "linker/internal/heap",
	"linker/internal/image", "linker/internal/leb", "linker/internal/loops",
	"linker/internal/mutant", "linker/internal/persist",
	"linker/internal/presence", "linker/internal/resolve", "linker/internal/search",
	"linker/internal/shim",
	"linker/internal/spans",
	"linker/internal/table",
	"linker/internal/text", "linker/internal/wasm", "linker/modinfo",
	"linker/protocol", "timeline"}

// layerOf returns the number of a package's layer; -1 for none.
func layerOf(pkg string) int {
	best, length := -1, -1
	for i, l := range layers {
		for _, pattern := range l.packages {
			if matches(pattern, pkg) && len(pattern) > length {
				best, length = i, len(pattern)
			}
		}
	}
	return best
}

func matches(pattern, pkg string) bool {
	folder, deep := strings.CutSuffix(pattern, "/...")
	return pkg == folder || deep && strings.HasPrefix(pkg, folder+"/")
}

// Arrows between packages point down.
func TestLayers(t *testing.T) {
	found := map[string]bool{}
	for _, p := range packages(t) {
		if !p.own() {
			continue
		}
		from := layerOf(p.short())
		if from < 0 {
			t.Errorf("%s is in no layer: put it into the table", p.short())
			continue
		}
		for _, path := range p.Imports {
			dep, own := strings.CutPrefix(path, module+"/")
			if !own {
				continue
			}
			to := layerOf(dep)
			if to < from || to == from && layers[from].beside {
				continue
			}
			arrow := p.short() + " → " + dep
			if found[arrow] = true; upward[arrow] == "" {
				t.Errorf("%s: layer %q may not import layer %q", arrow, layers[from].name,
					layers[to].name)
			}
		}
	}
	for arrow := range upward {
		if !found[arrow] {
			t.Errorf("%s: there is no such import: it is no exception any more", arrow)
		}
	}
}

// What is pure depends on no engine, directly or not.
func TestPure(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		at := slices.IndexFunc(pure,
			func(pattern string) bool { return matches(pattern, p.short()) })
		if !p.own() || at < 0 {
			continue
		}
		seen[pure[at]] = true
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, "github.com/tetratelabs/wazero") {
				t.Errorf("%s depends on %s", p.short(), dep)
				break
			}
		}
	}
	for _, pattern := range pure {
		if !seen[pattern] {
			t.Errorf("there is no package %s", pattern)
		}
	}
}
