package lint

import (
	"go/types"
	"slices"
	"strings"
	"testing"
)

// maxEntangled is how many files of a package may need each other, directly or not.
const maxEntangled = 15

// A package can be read from the bottom: not many of its files need each other. A file needs
// another one when it uses something that is declared there, a method too.
func TestEntangled(t *testing.T) {
	for _, p := range sources(t) {
		largest := slices.MaxFunc(components(p), func(a, b []string) int { return len(a) - len(b) })
		if len(largest) > maxEntangled {
			t.Errorf("%s: %d files need each other, more than %d: %s", p.short(), len(largest),
				maxEntangled, strings.Join(largest, " "))
		}
	}
}

// components returns the strongly connected components of a package's files.
func components(p *checked) [][]string {
	needs := map[string]map[string]bool{}
	for _, f := range p.files {
		needs[p.file(f.Pos())] = map[string]bool{}
	}
	for id, o := range p.info.Uses {
		if o.Pkg() != p.types || !declared(o) {
			continue
		}
		if from, to := p.file(id.Pos()), p.file(o.Pos()); from != to {
			needs[from][to] = true
		}
	}
	return connected(needs)
}

// declared reports whether an object is declared at the top of a file, or is a method.
func declared(o types.Object) bool {
	if f, ok := o.(*types.Func); ok && f.Signature().Recv() != nil {
		return true
	}
	return o.Parent() == o.Pkg().Scope()
}

// connected is Tarjan's algorithm.
func connected(needs map[string]map[string]bool) (found [][]string) {
	number, low, onStack := map[string]int{}, map[string]int{}, map[string]bool{}
	var stack []string
	var visit func(v string)
	visit = func(v string) {
		number[v] = len(number) + 1
		low[v] = number[v]
		stack = append(stack, v)
		onStack[v] = true
		for w := range needs[v] {
			if number[w] == 0 {
				visit(w)
				low[v] = min(low[v], low[w])
			} else if onStack[w] {
				low[v] = min(low[v], number[w])
			}
		}
		if low[v] != number[v] {
			return
		}
		at := slices.Index(stack, v)
		part := slices.Clone(stack[at:])
		stack = stack[:at]
		for _, w := range part {
			onStack[w] = false
		}
		slices.Sort(part)
		found = append(found, part)
	}
	for v := range needs {
		if number[v] == 0 {
			visit(v)
		}
	}
	return found
}

func TestConnected(t *testing.T) {
	edges := func(to ...string) map[string]bool {
		m := map[string]bool{}
		for _, x := range to {
			m[x] = true
		}
		return m
	}
	found := connected(map[string]map[string]bool{
		"a": edges("b"), "b": edges("c"), "c": edges("a", "d"), "d": edges("e"), "e": edges("d"),
		"f": {},
	})
	slices.SortFunc(found, slices.Compare)
	want := [][]string{{"a", "b", "c"}, {"d", "e"}, {"f"}}
	if !slices.EqualFunc(found, want, slices.Equal) {
		t.Errorf("got %v, want %v", found, want)
	}
}
