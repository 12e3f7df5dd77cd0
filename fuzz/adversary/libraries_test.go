package adversary_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// forever is a quarantine after which no entry of the function table is another function's.
const forever = linker.QuarantineForever

const testdata = "../../linker/testdata"

// What libraries import from the host.
const (
	hostCall = "adversary_call" // (depth, script) -> 0
	hostNote = "adversary_note" // (script)
)

// library is one that programs open.
type library struct {
	synth.Library
	function string // one of its functions, (depth i32, x i32) -> i32
	base     int32  // the identity of that function: what it returns for a negative depth
	uses     string // the library whose function it calls, or ""
	never    bool   // no opening succeeds: what it has never shows
}

// catalogue lists the libraries, by name. It is never changed.
type catalogue struct {
	names  []string
	byName map[string]library
	files  fstest.MapFS
}

const (
	keptName = "kept.wasm" // loaded all the time in every image
	leaves   = 4
	pairs    = 2
)

func newCatalogue() (*catalogue, error) {
	c := &catalogue{byName: map[string]library{}, files: fstest.MapFS{}}
	kept := library{Library: synth.Library{Name: keptName}, function: "kept_f", base: 1000}
	kept.Functions = []synth.Function{
		{Exports: []string{"kept_f"}, Sig: synth.Narrow, Base: 1000},
		{Exports: []string{"kept_host"}, Sig: synth.Narrow,
			Body: []synth.Op{{Kind: synth.Call, Symbol: hostCall, Sig: synth.Narrow}}},
		{
			Exports: []string{"kept_trap"},
			Sig:     synth.Narrow,
			Base:    1001,
			Body:    []synth.Op{{Kind: synth.Trap}},
		},
	}
	kept.Variables = []synth.Variable{{Export: "kept_v", Init: 5}}
	all := []library{kept}
	for i := range leaves {
		all = append(all, leaf(i))
	}
	for i := range pairs {
		all = append(all, pair(i))
	}
	trapping := leaf(leaves)
	trapping.Name, trapping.never = "trapping.wasm", true
	trapping.Needed = []string{leafName(0)}
	trapping.Constructor = append(trapping.Constructor, synth.Op{Kind: synth.Trap})
	missing := leaf(leaves + 1)
	missing.Name, missing.never = "missing.wasm", true
	missing.Needed = []string{leafName(1), "libnobody.wasm"}
	for _, lib := range append(all, trapping, missing) {
		file, err := lib.Encode()
		if err != nil {
			return nil, err
		}
		if lib.Name != keptName {
			c.names = append(c.names, lib.Name)
		}
		c.byName[lib.Name] = lib
		c.files[lib.Name] = &fstest.MapFile{Data: file, Mode: 0o444}
	}
	return c, c.addFixtures()
}

// addFixtures adds the libraries that were compiled from C.
func (c *catalogue) addFixtures() error {
	for _, name := range []string{"libdlfcn.wasm", "libthread.wasm"} {
		data, err := os.ReadFile(testdata + "/threads/" + name)
		if err != nil {
			return err
		}
		c.files[name] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
	return nil
}

func leafName(i int) string { return fmt.Sprintf("leaf%d.wasm", i) }

// leaf makes a library that needs no other. Its constructor runs a script; some have destructors
// that do so, too, and some have thread-local data.
func leaf(i int) library {
	lib := library{Library: synth.Library{Name: leafName(i)}, function: fmt.Sprintf("leaf%d_f", i)}
	lib.base = int32(2000 + 100*i)
	lib.Functions = []synth.Function{
		{Exports: []string{lib.function}, Sig: synth.Narrow, Base: lib.base},
	}
	lib.Variables = []synth.Variable{{Export: fmt.Sprintf("leaf%d_v", i), Init: int32(i)}}
	lib.Constructor = []synth.Op{{Kind: synth.Note, Symbol: hostNote, Value: int32(i)}}
	if i%2 == 1 {
		lib.Threads = []synth.Variable{{Export: fmt.Sprintf("leaf%d_t", i), Init: int32(i)}}
		script := int32(constructorScripts + i%destructorScripts)
		lib.Functions = append(lib.Functions, synth.Function{Sig: synth.Final, Base: 1,
			Body: []synth.Op{{Kind: synth.Note, Symbol: hostNote, Value: script}}})
		lib.Table = []int{1}
		lib.Constructor = append(
			lib.Constructor,
			synth.Op{Kind: synth.AtExit, Index: 0, Value: int32(i)},
		)
	}
	return lib
}

// pair makes a library that needs two leaves, and calls the first of them.
func pair(i int) library {
	first := leaf(i)
	lib := library{
		Library:  synth.Library{Name: fmt.Sprintf("pair%d.wasm", i)},
		function: fmt.Sprintf("pair%d_f", i),
	}
	lib.base, lib.uses = int32(3000+100*i), first.Name
	lib.Needed = []string{first.Name, leafName(i + 1)}
	lib.Functions = []synth.Function{
		{Exports: []string{lib.function}, Sig: synth.Narrow, Base: lib.base,
			Body: []synth.Op{{Kind: synth.Call, Symbol: first.function, Sig: synth.Narrow}}},
	}
	return lib
}

// result is what a library's function returns for a depth of 2.
func (c *catalogue) result(lib library, x int32) int32 {
	acc := lib.base + x
	if lib.uses != "" {
		acc = acc*31 + c.result(c.byName[lib.uses], acc)
	}
	return acc
}

// files is the file system of an image: opening a file is something that happens.
type files struct {
	fstest.MapFS
	bell *bell
}

// Open implements fs.FS.
func (f files) Open(name string) (fs.File, error) {
	f.bell.ring()
	return f.MapFS.Open(name)
}

// all lists the libraries.
func (c *catalogue) all() (list []library) {
	for _, name := range append([]string{keptName}, c.names...) {
		list = append(list, c.byName[name])
	}
	return list
}

// libraryOf returns the library that was opened under a name, from its file or from its bytes.
func (c *catalogue) libraryOf(name string) library {
	return c.byName[strings.TrimPrefix(name, fromBytes)]
}

// fromBytes is what the names of libraries begin with that were not opened from their files.
const fromBytes = "bytes_"
