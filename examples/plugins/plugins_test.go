package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/internal/guesttest"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/cabi"
	"github.com/lockstep-wasm/lockstep/plugin"
)

// config shares compiled code among the tests.
var config wazero.RuntimeConfig

func TestMain(m *testing.M) { os.Exit(guesttest.Run(m, &config)) }

func newHost(t *testing.T, threads int, log io.Writer) *Filters {
	t.Helper()
	h, err := NewFilters(t.Context(), config, threads, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func wasmOf(t *testing.T, name string) []byte {
	t.Helper()
	wasm, err := os.ReadFile("testdata/" + name + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func load(t *testing.T, h *Filters, name, file string) {
	t.Helper()
	if err := h.Load(t.Context(), name, wasmOf(t, file)); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, h *Filters, line, filtered string) {
	t.Helper()
	if got, err := h.Filter(t.Context(), line); got != filtered || err != nil {
		t.Errorf("%q became %q, %v; want %q", line, got, err, filtered)
	}
}

// Versions of a plugin are replaced while four goroutines use it: each line passes through one of
// them, and none is lost.
func TestReplaceWhileInUse(t *testing.T) {
	const versions, lines = 6, 100
	var log bytes.Buffer
	h := newHost(t, 4, &log)
	load(t, h, "number", "number-1")
	load(t, h, "upper", "upper")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range lines {
				got, err := h.Filter(t.Context(), "line")
				var n int
				one, _ := fmt.Sscanf(got, "%d: LINE", &n)
				two, _ := fmt.Sscanf(got, "#%d LINE", &n)
				if err != nil || one+two != 1 || n < 1 {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	for i := range versions {
		load(t, h, "number", fmt.Sprintf("number-%d", 1+i%2))
	}
	wg.Wait()
	if err := h.Unload(t.Context(), "number"); err != nil {
		t.Error(err)
	}
	loaded, unloaded, passed := 0, 0, 0
	for line := range strings.Lines(log.String()) {
		var n int
		if line == "number: loaded\n" {
			loaded++
		} else if one, _ := fmt.Sscanf(line, "number: unloaded after %d lines", &n); one == 1 {
			unloaded, passed = unloaded+1, passed+n
		}
	}
	if loaded != versions+1 || unloaded != versions+1 || passed != 4*lines {
		t.Errorf("%d versions loaded, %d unloaded, %d lines; want %d and %d", loaded, unloaded,
			passed, versions+1, 4*lines)
	}
	want(t, h, "line", "LINE")
}

// gate is a log that takes each line when the test opens it.
type gate struct{ entered, open chan struct{} }

func (g *gate) Write(p []byte) (int, error) {
	g.entered <- struct{}{}
	<-g.open
	return len(p), nil
}

// A call that has begun ends in the version in which it began, while others use the next one
// already.
func TestCallsStayInTheirVersion(t *testing.T) {
	log := &gate{make(chan struct{}), make(chan struct{})}
	h := newHost(t, 2, log)
	load(t, h, "style", "tell")
	old := make(chan string)
	go func() {
		filtered, err := h.Filter(t.Context(), "what?")
		old <- fmt.Sprint(filtered, err)
	}()
	<-log.entered
	replaced := make(chan error, 1)
	go func() { replaced <- h.Load(t.Context(), "style", wasmOf(t, "upper")) }()
	for filtered := ""; filtered != "LINE"; {
		var err error
		if filtered, err = h.Filter(t.Context(), "line"); err != nil {
			t.Fatal(err)
		}
	}
	if len(replaced) > 0 {
		t.Error("the old version was unloaded while it was in use")
	}
	log.open <- struct{}{}
	if got := <-old; got != "what?<nil>" {
		t.Errorf("in the old version the line became %q", got)
	}
	if err := <-replaced; err != nil {
		t.Error(err)
	}
}

// What fails concerns one plugin, or one line.
func TestFailures(t *testing.T) {
	h := newHost(t, 1, io.Discard)
	load(t, h, "traps", "traps")
	var failed *plugin.Error
	if _, err := h.Filter(t.Context(), "!"); !errors.As(err, &failed) || failed.Plugin != "traps" ||
		!strings.Contains(err.Error(), "unreachable") {
		t.Errorf("a trap: %v", err)
	}
	want(t, h, "fine", "fine")
	if _, err := h.Filter(t.Context(), strings.Repeat("x", room+1)); err == nil {
		t.Error("a line that does not fit is no error")
	}
	load(t, h, "upper", "upper")
	for name, tt := range map[string]struct {
		wasm []byte
		is   func(error) bool
	}{
		"another signature": {wasmOf(t, "broken"),
			func(err error) bool { return errors.As(err, new(*cabi.SignatureError)) }},
		"no module": {[]byte("no module"),
			func(err error) bool { return errors.As(err, new(*linker.LoadError)) }},
		"no file": {nil,
			func(err error) bool { return errors.As(err, new(*linker.LoadError)) }},
	} {
		if err := h.Load(t.Context(), "upper", tt.wasm); !errors.As(err, &failed) ||
			failed.Plugin != "upper" || !tt.is(err) {
			t.Errorf("%s: %v", name, err)
		}
		want(t, h, "still", "STILL") // the old version
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Load(cancelled, "upper", wasmOf(t, "upper")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := h.Unload(t.Context(), "nobody"); err != nil {
		t.Error(err)
	}
	if got := h.host.Plugins(); !slices.Equal(got, []string{"traps", "upper"}) {
		t.Errorf("what failed was left behind: %q", got)
	}
}

func TestFolder(t *testing.T) {
	h := newHost(t, 1, io.Discard)
	at := func(name string, second int64) *fstest.MapFile {
		return &fstest.MapFile{Data: wasmOf(t, name), ModTime: time.Unix(second, 0)}
	}
	files := fstest.MapFS{"notes.txt": {}}
	folder := NewFolder(h, files)
	for _, tt := range []struct {
		name   string
		change func()
		fails  string
		want   string
	}{
		{"empty", func() {}, "", "line"},
		{"new", func() {
			files["number.wasm"], files["upper.wasm"] = at("number-1", 1),
				at("upper", 1)
		}, "", "1: LINE"},
		{"the same", func() {}, "", "2: LINE"},
		{"changed", func() { files["number.wasm"] = at("number-2", 2) }, "", "#001 LINE"},
		{"broken", func() { files["number.wasm"] = at("broken", 3) }, "number", "#002 LINE"},
		{"still broken", func() {}, "", "#003 LINE"},
		{"gone", func() { delete(files, "number.wasm") }, "", "LINE"},
		{"back", func() { files["number.wasm"] = at("number-2", 2) }, "", "#001 LINE"},
	} {
		tt.change()
		err := folder.Refresh(t.Context())
		var failed *plugin.Error
		if errors.As(err, &failed) && failed.Plugin != tt.fails ||
			(err != nil) != (tt.fails != "") {
			t.Errorf("%s: %v", tt.name, err)
		}
		// Plugins filter in the order in which they were loaded first; "#" and digits have no case.
		if got, err := h.Filter(t.Context(), "line"); got != tt.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

// The demonstration tells what it does, and no line is lost in it.
func TestDemo(t *testing.T) {
	var out bytes.Buffer
	if err := command(t.Context(), config, nil, nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  a line            1: A LINE\n", "none lost\n",
		"plugin: number: cabi: plugin_filter is (f64) -> (f64)", "  a line            A LINE\n",
		"  number: loaded\n", "  number: unloaded after "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestCommand(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"broken", "traps", "upper"} {
		if err := os.WriteFile(dir+"/"+name+".wasm", wasmOf(t, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out, log bytes.Buffer
	args := []string{"-dir", dir, "-threads", "3", "-batch", "2"}
	if err := command(t.Context(), config, args, strings.NewReader("one\n!\nthree\n"), &out,
		&log); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if lines[0] != "ONE" || !strings.HasPrefix(lines[1], "error: plugin: traps: ") ||
		lines[len(lines)-2] != "THREE" {
		t.Errorf("%q", lines)
	}
	if !strings.Contains(log.String(), "plugin: broken: cabi: plugin_filter is (f64) -> (f64)") {
		t.Errorf("the log is %q", &log)
	}
	for _, args := range [][]string{{"-dir", dir, "x"}, {"-dir", dir, "-threads", "0"},
		{"-dir", dir, "-threads", "65"}} {
		if err := command(t.Context(), config, args, strings.NewReader(""), io.Discard,
			io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	if names, err := fs.Glob(os.DirFS(dir), "*"); len(names) != 3 || err != nil {
		t.Errorf("the folder has %q, %v", names, err)
	}
}
