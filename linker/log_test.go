package linker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
)

// lines is a slog.Handler that keeps a line for each record: its topic, its text and its
// attributes.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (*lines) Enabled(context.Context, slog.Level) bool { return true }

func (h *lines) Handle(_ context.Context, r slog.Record) error {
	topic, line := "", r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == linker.LogTopic {
			topic = a.Value.String()
		} else {
			line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, topic+": "+line)
	return nil
}

func (h *lines) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *lines) WithGroup(string) slog.Handler      { return h }

// A logger is told of every file, binding, look-up and group, and of what fails.
func TestLogger(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	main, err := os.ReadFile("testdata/main-shared.wasm")
	if err != nil {
		t.Fatal(err)
	}
	var log lines
	config := linker.NewConfig().WithFS(
		os.DirFS("testdata"),
	).WithSearchPath(
		"plain/none",
		"threads",
	).
		WithLogger(
			slog.New(&log),
		)
	l, err := linker.New(ctx, rt, main, config)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(ctx)
	g := l.Main()
	lib, err := g.Open(ctx, "libdiamond_left.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Symbol(ctx, lib, "diamond_left"); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Symbol(ctx, lib, "absent"); err == nil {
		t.Fatal("found absent")
	}
	if _, err := g.Open(ctx, "libnone.wasm"); err == nil {
		t.Fatal("found libnone.wasm")
	}
	child, err := g.Spawn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := g.CloseLibrary(ctx, lib); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(log.list, "\n") + "\n"
	rest := all
	for _, want := range []string{ // in this order
		"files: loaded module=main file=main",
		"files: calling module=main function=_initialize\n",
		"files: not there library=libdiamond_left.wasm file=plain/none/libdiamond_left.wasm " +
			"by=search path plain/none\n",
		"files: found library=libdiamond_left.wasm file=threads/libdiamond_left.wasm by=search " +
			"path threads\n",
		"files: found library=libdiamond_bottom.wasm",
		"bindings: bound module=libdiamond_left.wasm symbol=env.diamond_bottom " +
			"definer=libdiamond_bottom.wasm\n",
		"files: loaded module=libdiamond_bottom.wasm file=threads/libdiamond_bottom.wasm memory=",
		"files: opened group=0 library=libdiamond_left.wasm file=threads/libdiamond_left.wasm\n",
		"symbols: looked up group=0 symbol=diamond_left definer=libdiamond_left.wasm pointer=",
		"symbols: look-up failed group=0 symbol=absent error=",
		"files: not there library=libnone.wasm file=threads/libnone.wasm",
		"files: open failed group=0 library=libnone.wasm error=",
		"groups: spawned group=1\n",
		"groups: closed group=1\n",
		"files: unloaded module=libdiamond_left.wasm",
	} {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("no %q behind what came before it, in\n%s", want, all)
		}
		rest = after
	}
}
