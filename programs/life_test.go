package programs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
)

// The lines of a life, in the order in which they have to come.
const (
	lived  = "main: constructor\nlibrary: constructor\nlibrary: works\nmain: ends\n"
	ended  = "main: handler\nmain: destructor\nlibrary: handler\nlibrary: destructor\n"
	killed = lived // with _Exit nothing runs any more
)

// lives are the ways in which a program can end, with the exit code and what it leaves.
var lives = []struct {
	how  string
	code uint32
	want string
}{
	{"return", 0, lived + ended},
	{"return 5", 5, lived + ended},
	{"exit", 3, lived + ended},
	{"library exits", 6, lived + ended},
	{"_Exit", 4, killed},
}

// A command runs every constructor once, and when it ends, by a return of main or by exit, handlers
// and destructors of the main module, those of its libraries, and then its buffers reach their
// files: whichever way it was linked.
func TestCommands(t *testing.T) {
	for _, name := range []string{"life-readme", "life-named", "life-crt1", "life-crt1-all"} {
		main := read(t, name+".wasm")
		for _, life := range lives {
			t.Run(name+"/"+life.how, func(t *testing.T) {
				p := link(t, main, "plain", life.how)
				code, err := p.l.Run(t.Context())
				if err != nil || code != life.code {
					t.Errorf("exit code %d, %v, want %d", code, err, life.code)
				}
				if got := p.output(); got != life.want {
					t.Errorf("output:\n%swant:\n%s", got, life.want)
				}
				if err := p.l.Close(t.Context()); err != nil || p.out.Len() > 0 {
					t.Errorf("closing it: %v, %q", err, p.output())
				}
			})
		}
	}
}

// A C library that keeps its atexit to itself has run all of its own when the linker hears of the
// end: the libraries' turn comes then, whatever the guest has called.
func TestCommandWithoutAtexit(t *testing.T) {
	main := read(t, "life-unhooked.wasm")
	for _, life := range lives[:4] {
		p := link(t, main, "plain", life.how)
		code, err := p.l.Run(t.Context())
		// The library reaches the C library's atexit in the linker alone, so the order is the same.
		if got := p.output(); err != nil || code != life.code || got != life.want {
			t.Errorf("%s: exit code %d, %v, output:\n%swant:\n%s", life.how, code, err, got,
				life.want)
		}
	}
}

// Exported functions of a command do not begin and end the program with every call: constructors
// run once.
func TestCommandIsCalled(t *testing.T) {
	for _, name := range []string{"life-readme", "life-named"} {
		p := link(t, read(t, name+".wasm"), "plain")
		for range 3 {
			if _, err := p.g.Call(t.Context(), linker.Default, "malloc", 8); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := p.output(), "main: constructor\nmain: destructor\n"; got != want {
			t.Errorf("%s: output %q, want %q", name, got, want)
		}
	}
}

// Closing the linker ends a program that has not ended, in the same order.
func TestCloseEndsTheProgram(t *testing.T) {
	p := link(t, read(t, "life-reactor.wasm"), "plain")
	ctx := t.Context()
	at, err := p.g.Call(ctx, linker.Default, "malloc", 8)
	if err != nil {
		t.Fatal(err)
	}
	p.l.Memory().WriteString(uint32(at[0]), "return\x00")
	if _, err := p.g.Call(ctx, linker.Default, "run", at[0]); err != nil {
		t.Fatal(err)
	}
	if err := p.l.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := p.output(); got != lived+ended {
		t.Errorf("output:\n%swant:\n%s", got, lived+ended)
	}
}

// A position-independent program with a C library of its own in a shared library: its start
// function runs constructors and destructors itself, and reaches the latter in that library.
func TestPositionIndependentCommand(t *testing.T) {
	main := read(t, "life-pie.wasm")
	for _, life := range lives[:4] {
		t.Run(life.how, func(t *testing.T) {
			p := link(t, main, "threads")
			ctx := t.Context()
			how, err := p.g.Symbol(ctx, linker.Default, "how")
			if err != nil {
				t.Fatal(err)
			}
			p.l.Memory().WriteString(how.Pointer, life.how+"\x00")
			code, err := p.l.Run(ctx)
			if got := p.output(); err != nil || code != life.code || got != life.want {
				t.Errorf("exit code %d, %v, output:\n%swant:\n%s", code, err, got, life.want)
			}
		})
	}
}

// What a group does that Go has spawned ends that group alone: libraries stay what they are for the
// others, until the last one ends.
func TestExitOfOneOfSeveralGroups(t *testing.T) {
	p := link(t, read(t, "life-pie.wasm"), "threads")
	ctx := t.Context()
	other, err := p.g.Spawn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lib, err := p.g.Open(ctx, "liblife.so")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.g.Call(ctx, lib, "work"); err != nil {
		t.Fatal(err)
	}
	exit := (*sys.ExitError)(nil)
	if _, err := other.Call(ctx, lib, "leave"); !errors.As(err, &exit) || exit.ExitCode() != 6 {
		t.Fatalf("leave: %v", err)
	}
	if got := p.output(); strings.Contains(got, "library: handler") ||
		strings.Contains(got, "library: destructor") {
		t.Errorf("a library was destroyed that others use:\n%s", got)
	}
	if _, err := p.g.Call(ctx, lib, "work"); err != nil {
		t.Error(err)
	}
	if _, err := p.g.Call(ctx, lib, "leave"); !errors.As(err, &exit) {
		t.Errorf("leave: %v", err)
	}
	if got, want := p.output(),
		"library: works\nlibrary: handler\nlibrary: handler\nlibrary: destructor\n"; got != want {
		t.Errorf("output:\n%swant:\n%s", got, want)
	}
}
