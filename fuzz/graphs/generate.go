package graphs

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// Shape bounds what is drawn. What would make results depend on who comes first has to be asked
// for.
type Shape struct {
	Libraries int  // at most, at least 1
	Aside     bool // libraries in the folder Aside, copies of names, preloaded libraries
	Shared    bool // functions that change static data, destructors that trap
	Private   bool // functions that change thread-local data and globals
	Exits     bool // constructors in which the guest exits
	// Apart gives every definition a name of its own, which only those libraries use that need its
	// library. Then a library is bound to the same definitions whichever libraries were opened with
	// it.
	Apart bool
}

// The names that libraries define and use: few, so that they meet.
const (
	functionNames = 9
	dataNames     = 5
	threadNames   = 4
	globalNames   = 3
)

// finals is how many destructors each library has: its last functions, and the first entries of its
// part of the table.
const finals = 2

func functionName(i int) string { return fmt.Sprintf("f%d", i) }
func dataName(i int) string     { return fmt.Sprintf("d%d", i) }
func threadName(i int) string   { return fmt.Sprintf("t%d", i) }
func globalName(i int) string   { return fmt.Sprintf("g%d", i) }

// usual is the signature that a name has, unless an importer gets it wrong.
func usual(i int) synth.Signature { return synth.Signature(i % synth.Signatures) }

// Draw makes a graph.
func Draw(t *rapid.T, shape Shape) *Graph {
	d := &drawing{t: t, shape: shape, g: &Graph{}}
	n := rapid.IntRange(1, shape.Libraries).Draw(t, "libraries")
	for i := range n {
		d.file(i)
	}
	for i, f := range d.g.Libs {
		d.edges(i, f)
		d.definitions(i, f.Lib)
	}
	for i, f := range d.g.Libs {
		d.reachable = d.reach(f)
		d.uses(i, f.Lib)
	}
	d.accidents()
	if shape.Aside && d.oneIn(6) {
		d.g.Preload = d.preloadable()
	}
	return d.g
}

type drawing struct {
	t     *rapid.T
	shape Shape
	g     *Graph
	// the library itself and what it needs: where most of what it uses is
	reachable []*synth.Library
	signature map[string]synth.Signature
}

// oneIn is true once in n times, about; false is what rapid shrinks to. It is not the last number
// that counts, because rapid likes the ends of a range.
func (d *drawing) oneIn(n int) bool { return rapid.IntRange(0, n-1).Draw(d.t, "one in") == (n+1)/2 }

// upTo draws a number from 0 to n-1.
func (d *drawing) upTo(n int, label string) int { return rapid.IntRange(0, n-1).Draw(d.t, label) }

// file adds a library, somewhere.
func (d *drawing) file(i int) {
	dir, name := SearchPath, fmt.Sprintf("l%d.wasm", i)
	if d.shape.Aside && d.oneIn(5) {
		dir = Aside
		if i > 0 && d.oneIn(3) { // another library of a name that there is
			if other := d.g.Libs[d.upTo(i, "copy")].Name(); d.g.At(Aside+"/"+other) == nil {
				name = other
			}
		}
	}
	lib := &synth.Library{Name: name, Align: uint32(2 + d.upTo(4, "alignment")), Shared: d.oneIn(2)}
	d.g.Libs = append(d.g.Libs, &File{Path: dir + "/" + name, Lib: lib})
}

// edges draws what a library needs. Edges lead forward mostly, and back now and then.
func (d *drawing) edges(i int, f *File) {
	n := len(d.g.Libs)
	for range d.upTo(4, "needs") {
		j := d.upTo(n, "needed")
		if j <= i && !d.oneIn(3) && i+1 < n {
			j = i + 1 + d.upTo(n-i-1, "needed")
		}
		f.Lib.Needed = append(f.Lib.Needed, d.g.Libs[j].Name())
	}
	if d.oneIn(40) {
		f.Lib.Needed = append(f.Lib.Needed, Absent)
	}
	if d.shape.Aside && !d.oneIn(3) {
		f.Lib.RunPath = rapid.SampledFrom([][]string{{"$ORIGIN/../deep"},
			{"$ORIGIN:${ORIGIN}/../deep"}, {"/lib", "/deep"},
			{"$ORIGIN/nowhere", "/deep"}}).Draw(d.t, "run path")
	}
}

// definitions draws what a library defines.
func (d *drawing) definitions(i int, l *synth.Library) {
	used := map[string]bool{}
	apart := func(name string) string {
		if d.shape.Apart {
			name += fmt.Sprintf(".%d", i)
		}
		return name
	}
	name := func(n int, of func(int) string) string {
		s := apart(of(d.upTo(n, "name")))
		if used[s] {
			return ""
		}
		used[s] = true
		return s
	}
	for k := range 1 + d.upTo(4, "functions") {
		f := synth.Function{Base: int32(1000*(i+1) + k), Sig: usual(k)}
		for range d.upTo(3, "exports") {
			at := d.upTo(functionNames, "name")
			if usual(at) != f.Sig && !d.oneIn(30) {
				at = at/synth.Signatures*synth.Signatures + int(f.Sig)
			}
			if s := apart(functionName(at % functionNames)); !used[s] {
				used[s] = true
				f.Exports = append(f.Exports, s)
			}
		}
		l.Functions = append(l.Functions, f)
	}
	for k := range finals {
		l.Functions = append(l.Functions,
			synth.Function{Base: int32(1000*(i+1) + 900 + k), Sig: synth.Final,
				Body: []synth.Op{d.note(-(i + 1) - 100*k)}})
	}
	variables := func(most, n int, of func(int) string, first int32) (list []synth.Variable) {
		for k := range d.upTo(most+1, "variables") {
			v := synth.Variable{Init: first*int32(i+1) + int32(k)}
			if !d.oneIn(4) {
				v.Export = name(n, of)
			}
			list = append(list, v)
		}
		return list
	}
	l.Variables = variables(3, dataNames, dataName, 100)
	l.Threads = variables(2, threadNames, threadName, 10_000)
	l.Globals = variables(2, globalNames, globalName, 1_000_000)
	if len(l.Variables) > 0 && d.oneIn(30) { // data under the name of a function
		if s := apart(functionName(d.upTo(functionNames, "wrong kind"))); !used[s] {
			l.Variables[0].Export = s
		}
	}
}

// reach is a library and what it needs, by name, as far as there is such a name.
func (d *drawing) reach(f *File) []*synth.Library {
	all := []*synth.Library{f.Lib}
	for i := 0; i < len(all); i++ {
		for _, need := range all[i].Needed {
			k := slices.IndexFunc(d.g.Libs, func(f *File) bool { return f.Name() == need })
			if k >= 0 && !slices.Contains(all, d.g.Libs[k].Lib) {
				all = append(all, d.g.Libs[k].Lib)
			}
		}
	}
	return all
}

// accidents breaks something, rarely.
func (d *drawing) accidents() {
	if d.oneIn(25) {
		f := d.g.Libs[d.upTo(len(d.g.Libs), "broken")]
		f.Lib = nil
		f.Text = rapid.SampledFrom([][]byte{[]byte("not a module"),
			[]byte("\x00asm\x01\x00\x00\x00")}).Draw(d.t, "text")
	}
}

// preloadable returns the name of a library, if there is one that the main module can be linked
// with: the image does not come to be otherwise.
func (d *drawing) preloadable() []string {
	for _, i := range rapid.Permutation(indices(len(d.g.Libs))).Draw(d.t, "preload") {
		f := d.g.Libs[i]
		if d.g.At(SearchPath+"/"+f.Name()) != f {
			continue
		}
		if _, err := NewImage(d.g, []string{f.Name()}); err == nil {
			return []string{f.Name()}
		}
	}
	return nil
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
