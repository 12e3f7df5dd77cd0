package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

// loadSource is the script that loads grammars in Node.
//
//go:embed peers/load.cjs
var loadSource []byte

// grammarRows are loads of all stock grammars, against web-tree-sitter in Node, in the processor
// time of the whole process. Both sides load the same files, in which the section dylink is written
// as dylink.0: web-tree-sitter refuses the old one. Cold, the linker's engine compiles them; Node
// does so when a function is called.
func grammarRows() []row {
	return []row{{"warm load of the stock grammars, and cold", 0.9, grammars}}
}

// grammarFiles writes the stock grammars that both sides load: two are too old for the library.
func grammarFiles(dir string) ([]string, error) {
	languages, err := stock.Grammars()
	if err != nil {
		return nil, missing(err.Error())
	}
	var files []string
	for _, name := range languages {
		if slices.Contains([]string{"elm", "ql"}, name) {
			continue
		}
		module, err := stock.Read(stock.GrammarFile(name))
		if err != nil {
			return nil, missing(err.Error())
		}
		if module, err = renewed(module); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		file := filepath.Join(dir, name+".wasm")
		if err := os.WriteFile(file, module, 0o600); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// renewed writes a module's section dylink as dylink.0.
func renewed(file []byte) ([]byte, error) {
	info, err := dylink.Read(file)
	if err != nil {
		return nil, err
	}
	info.Legacy = false
	var b builder
	b.CustomFirst(info.Section())
	first, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	const header = 9 // with the number of the first section, whose size follows
	r := leb.NewReader(file[header:])
	size := r.U32("size of the first section")
	if err := r.Err(); err != nil {
		return nil, err
	}
	return append(first, file[header+r.Offset()+int(size):]...), nil
}

func grammars(m *meter) (err error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return missing("no Node")
	}
	library, err := stock.Path(stock.WebTreeSitter)
	if err != nil {
		return missing(err.Error())
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := grammarFiles(dir)
	if err != nil {
		return err
	}
	script := filepath.Join(dir, "load.cjs")
	if err := os.WriteFile(script, loadSource, 0o600); err != nil {
		return err
	}
	tree := filepath.Join(filepath.Dir(library), "web-tree-sitter.cjs")
	args := append([]string{script, tree}, files...)
	// another process each time: V8 shares what it has compiled within one
	peer := side{name: "Node", took: func(int) (ns float64, err error) {
		cmd := exec.CommandContext(m.ctx, node, args...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return 0, err
		}
		return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	}}
	own := func(name string) side {
		return side{name: name, took: func(int) (float64, error) {
			return loadGrammars(m.ctx, filepath.Join(dir, "cache"), files)
		}}
	}
	// the first load compiles, and leaves what it has compiled to the others
	if err := m.once(peer, own("cold"), 1, true); err != nil {
		return err
	}
	return m.once(peer, own("warm"), min(m.rounds, 7), false)
}

// once measures two sides in turn, one time in a round. What is only stated is not judged.
func (m *meter) once(peer, own side, rounds int, stated bool) error {
	p := pair{peer: peer.name + ", " + own.name, own: own.name, peerRuns: 1, ownRuns: 1,
		stated: stated}
	for range rounds {
		a, err := measure(peer, 1)
		if err != nil {
			return err
		}
		b, err := measure(own, 1)
		if err != nil {
			return err
		}
		p.peerNS, p.ownNS = append(p.peerNS, a), append(p.ownNS, b)
	}
	m.pairs = append(m.pairs, p)
	return nil
}

// loadGrammars loads files into a new image. What the engine compiles is kept in a folder.
func loadGrammars(ctx context.Context, folder string, files []string) (ns float64, err error) {
	cache, err := wazero.NewCompilationCacheWithDir(folder)
	if err != nil {
		return 0, err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCompilationCache(cache))
	defer func() { err = errors.Join(err, rt.Close(ctx), cache.Close(ctx)) }()
	l, err := newTreeSitter(ctx, rt)
	if err != nil {
		return 0, err
	}
	runtime.GC()
	start := processTime()
	for _, file := range files {
		module, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		if _, err := l.Load(ctx, filepath.Base(file), module); err != nil {
			return 0, err
		}
	}
	return float64(processTime() - start), nil
}

// newTreeSitter links the stock tree-sitter library.
func newTreeSitter(ctx context.Context, rt wazero.Runtime) (*treesitter.Library, error) {
	module, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		return nil, missing(err.Error())
	}
	return treesitter.New(ctx, rt, module, nil)
}
