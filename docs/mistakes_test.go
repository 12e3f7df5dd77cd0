package docs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/synth"
	"github.com/lockstep-wasm/lockstep/plugin"
	"github.com/lockstep-wasm/lockstep/stock"
)

// mistake is one row of mistakes.md: who makes it, and the error.
type mistake struct {
	sees string // the first column's words
	make func(b *bungler) error
}

// bungler makes mistakes.
type bungler struct {
	t        *testing.T
	lockstep string // the command
}

func (b *bungler) read(file string) []byte {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(file)))
	if err != nil {
		b.t.Fatal(err)
	}
	return data
}

// in links a main module, libc's if it is nil, and does something in it.
func (b *bungler) in(main []byte, f func(ctx context.Context, g *linker.Group) error) error {
	ctx := b.t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	config := linker.NewConfig().WithFS(os.DirFS("../linker/testdata/plain"))
	var l *linker.Linker
	var err error
	if main == nil {
		l, err = libraries.LinkLibc(ctx, rt, config)
	} else {
		l, err = linker.New(ctx, rt, main, config)
	}
	if err != nil {
		return err
	}
	return f(ctx, l.Main())
}

// open opens a library in a main module.
func (b *bungler) open(main, library []byte) error {
	return b.in(main, func(ctx context.Context, g *linker.Group) error {
		_, err := g.OpenBytes(ctx, "shout", library, linker.Now)
		return err
	})
}

// run runs the command, which must fail with this status. The error is what it printed.
func (b *bungler) run(status int, env []string, args ...string) error {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), b.lockstep, args...)
	cmd.Dir = b.t.TempDir()
	cmd.Env = append(append(os.Environ(), "HOME="+cmd.Dir, "XDG_CACHE_HOME="+cmd.Dir), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != status {
		b.t.Errorf("lockstep %q: %v, want status %d\n%s", args, err, status, stderr.String())
	}
	return errors.New(stderr.String())
}

// file writes a file and returns its name.
func (b *bungler) file(name string, data []byte) string {
	b.t.Helper()
	name = filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(name, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	return name
}

const counter = "plugin/testdata/counter-1.wasm"

func mistakes() []mistake {
	return []mistake{
		{`undefined symbol "malloc"`, func(b *bungler) error {
			needs := synth.Library{TableOthers: []synth.Import{{Symbol: "malloc"}}}
			library, err := needs.Encode()
			if err != nil {
				return err
			}
			return b.open(b.read("linker/testdata/plain/libodd.wasm"), library)
		}},
		{`undefined symbol "_Znwm"`, func(b *bungler) error {
			return b.open(nil, b.read("libraries/testdata/libwords.wasm"))
		}},
		{"the library exports nothing", func(b *bungler) error {
			hidden := dylink.Info{}
			return b.in(nil, func(ctx context.Context, g *linker.Group) error {
				lib, err := g.OpenBytes(
					ctx,
					"shout",
					hidden.Append([]byte("\x00asm\x01\x00\x00\x00")),
				)
				if err != nil {
					return err
				}
				_, err = g.Call(ctx, lib, "shout")
				return err
			})
		}},
		{`undefined symbol "vresion" in shout`, func(b *bungler) error {
			return b.in(nil, func(ctx context.Context, g *linker.Group) error {
				lib, err := g.OpenBytes(ctx, "shout", b.read(counter))
				if err != nil {
					return err
				}
				_, err = g.Call(ctx, lib, "vresion")
				return err
			})
		}},
		{"found 2 arguments", func(b *bungler) error {
			host, err := plugin.New(b.t.Context(), plugin.Options{})
			if err != nil {
				return err
			}
			defer host.Close(context.Background())
			if err := host.Load(b.t.Context(), "shout", b.read(counter)); err != nil {
				return err
			}
			_, err = host.Call(b.t.Context(), "shout", "version", 1, 2)
			return err
		}},
		{"is loaded already, with other contents", func(b *bungler) error {
			return b.in(nil, func(ctx context.Context, g *linker.Group) error {
				if _, err := g.OpenBytes(ctx, "shout", b.read(counter)); err != nil {
					return err
				}
				_, err := g.OpenBytes(ctx, "shout", b.read("plugin/testdata/counter-2.wasm"))
				return err
			})
		}},
		{`library "libabsent.wasm" not found: tried`, func(b *bungler) error {
			return b.open(nil, b.read("linker/testdata/plain/libneeds_missing.wasm"))
		}},
		{"not a shared library", func(b *bungler) error {
			return b.open(nil, b.read("cmd/lockstep/testdata/run/program.wasm"))
		}},
		{"unexpected end", func(b *bungler) error { return b.open(nil, b.read(counter)[:200]) }},
		{"lacks the feature", func(b *bungler) error {
			rt := wazero.NewRuntime(b.t.Context())
			defer rt.Close(context.Background())
			_, err := libraries.LinkLibc(b.t.Context(), rt, nil)
			return err
		}},
		{"not a program", func(b *bungler) error {
			return b.run(127, nil, "run", b.file("shout.wasm", b.read(counter)))
		}},
		{"no function table", func(b *bungler) error {
			return b.run(127, nil, "run", b.file("plain.wasm", []byte("\x00asm\x01\x00\x00\x00")))
		}},
		{"no clang on PATH", func(b *bungler) error {
			return b.run(2, []string{"PATH=", "CLANG=", "WASI_SDK_PATH="}, "cc", "plugin.c")
		}},
		{"TLC is not installed", func(b *bungler) error {
			// A proxy that is not there is no network.
			env := []string{"TLA2TOOLS_JAR=", "PATH=", "HTTPS_PROXY=http://127.0.0.1:1"}
			return b.run(2, env, "tlc", "run", "small")
		}},
		{"has no such file; the grammars are", func(b *bungler) error {
			_, err := stock.Read(stock.GrammarFile("klingon"))
			return err
		}},
		{"the history is not complete", func(b *bungler) error {
			history := b.read("lincheck/testdata/version1.jsonl")
			lines := bytes.SplitAfterN(history, []byte("\n"), 4)
			half := bytes.Join(lines[:2], nil)
			half = append(half, lines[2][:len(lines[2])/2]...)
			return b.run(2, nil, "judge", b.file("half.jsonl", half))
		}},
		{"no space left on device", func(b *bungler) error {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				b.t.Skip("there is no /dev/full here")
			}
			defer full.Close()
			cmd := exec.CommandContext(b.t.Context(), b.lockstep, "info", "../"+counter)
			var stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = full, &stderr
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != 2 {
				return fmt.Errorf("status %d, %w", cmd.ProcessState.ExitCode(), err)
			}
			return errors.New(stderr.String())
		}},
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// Every mistake that mistakes.md names is made; its error has the words that the page says one
// sees, and says what the page says to do.
func TestMistakes(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the command")
	}
	page, err := os.ReadFile("mistakes.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, " | "); len(cells) == 3 && strings.HasPrefix(line, "| `") {
			rows[strings.Trim(strings.TrimPrefix(cells[0], "| "), "`")] = cells
		}
	}
	command := filepath.Join(t.TempDir(), "lockstep")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", command, "../cmd/lockstep").
		CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made := mistakes()
	if len(made) != len(rows) || len(made) < 12 {
		t.Errorf("%d mistakes are made, %d are on the page", len(made), len(rows))
	}
	for _, m := range made {
		t.Run(m.sees, func(t *testing.T) {
			cells, ok := rows[m.sees]
			if !ok {
				t.Fatal("it is not on the page")
			}
			err := m.make(&bungler{t, command})
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), m.sees) {
				t.Errorf("%v: the page says that it has %q", err, m.sees)
			}
			remedy := quoted.FindStringSubmatch(cells[2])
			if remedy != nil && !strings.Contains(err.Error(), remedy[1]) {
				t.Errorf("%v: it does not say to do %q", err, remedy[1])
			}
		})
	}
}
