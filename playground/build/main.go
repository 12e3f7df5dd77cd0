// Command build makes the page of package playground: go run ./playground/build -o
// out/playground.html. It compiles playground/wasm, so it runs in the source tree, with the go
// command.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/playground"
	"github.com/lockstep-wasm/lockstep/spec"
	"github.com/lockstep-wasm/lockstep/tla"
)

func main() {
	out := flag.String("o", "out/playground.html", "file to write")
	flag.Parse()
	if err := build(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
	fmt.Println(*out)
}

func build(ctx context.Context, out string) error {
	facts, err := collect(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "playground")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "playground.wasm")
	compile := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file,
		"github.com/lockstep-wasm/lockstep/playground/wasm")
	compile.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	compile.Stderr = os.Stderr
	if err := compile.Run(); err != nil {
		return fmt.Errorf("compiling playground/wasm: %w", err)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	glue, err := os.ReadFile(
		filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"),
	)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := playground.WritePage(&page, facts, program, glue); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(out, page.Bytes(), 0o644)
}

// collect explores the models of mistakes, and reads what is known of guards and properties.
func collect(ctx context.Context) (playground.Facts, error) {
	facts := playground.Facts{Properties: map[string]playground.Property{},
		Features: []string{"Park", "Cancel", "Crash", "Spawn", "Detach", "FailApply", "FailUndo"}}
	suite, err := tla.LoadSuite(tla.Files())
	if err != nil {
		return facts, err
	}
	described := map[string]bool{}
	for _, m := range suite.Models {
		if !m.Explorer || m.Exit == 0 {
			continue
		}
		x, err := model.NewExplorer(suite.FS, m)
		if err != nil {
			return facts, err
		}
		_, err = x.Run(ctx)
		var v *model.ViolationError
		if !errors.As(err, &v) {
			return facts, fmt.Errorf("model %s: no violation: %w", m.Name, err)
		}
		mistake := playground.Mistake{
			Name:     m.Name,
			Shows:    m.Shows,
			Property: v.Name,
			Config:   x.Config,
		}
		for _, t := range append(v.Trace, v.Loop...) {
			mistake.Steps = append(mistake.Steps, t.String())
		}
		if p, ok := spec.PropertyOf(v.Name); ok && v.Endless {
			mistake.Ending = fmt.Sprintf(
				"%s is broken: the steps from %d on repeat for ever. %s",
				v.Name,
				len(v.Trace)+1,
				p.Sentence,
			)
			if len(v.Loop) == 0 {
				mistake.Ending = fmt.Sprintf(
					"%s is broken: nothing happens any more that has to. %s",
					v.Name,
					p.Sentence,
				)
			}
		}
		facts.Mistakes = append(facts.Mistakes, mistake)
		for _, name := range x.Config.Off.Names() {
			if !described[name] {
				described[name] = true
				facts.Guards = append(facts.Guards, playground.Guard{Name: name, Shows: m.Shows})
			}
		}
	}
	for _, p := range spec.Properties() {
		facts.Properties[p.Name] = playground.Property{Number: p.Number, Sentence: p.Sentence}
	}
	return facts, nil
}
