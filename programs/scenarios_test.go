package programs_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// differences are the scenarios whose result differs from glibc's, and why; testdata/here.txt has
// what it is here.
var differences = map[string]string{
	"diamond": "glibc constructs what a library needs from the last name to the first; here it " +
		"is the order of the names",
	"the first definition of a group is everybody's in it": "the same order",
	"no load": "glibc does not call it an error that a library is not loaded; musl and the " +
		"linker do, and say so",
	"a look-up in the default scope keeps what it finds": "glibc keeps a library for whoever has " +
		"found it by dlsym; the linker keeps what is bound, and a pointer that is left traps",
	"a helper that was there calls back": "what is bound when it is first called " +
		"keeps nothing loaded: it is looked for again",
	"handlers of a library": "constructors register destructors, so " +
		"handlers that come later run before them",
	"dlerror after a later success": "POSIX lets dlerror tell what was " +
		"wrong since it was last asked; glibc forgets it at the next success",
	"a destructor closes a library": "glibc puts off what is closed in a " +
		"destructor until that has ended",
}

// scenarios splits what scenarios.c has written.
func scenarios(t *testing.T, text string) (names []string, by map[string]string) {
	by = map[string]string{}
	for _, part := range strings.Split(text, "== ")[1:] {
		name, lines, _ := strings.Cut(part, "\n")
		if by[name] != "" {
			t.Errorf("%s: twice", name)
		}
		names = append(names, name)
		by[name] = lines
	}
	return names, by
}

// What C programs expect of dlopen, dlsym, dlclose and dlerror is what they get, in one group and
// beside three others; where it is not what glibc has recorded, the table above says so.
func TestScenarios(t *testing.T) {
	names, want := scenarios(t, string(read(t, "want.txt")))
	if len(names) < 30 {
		t.Fatalf("%d scenarios", len(names))
	}
	_, here := scenarios(t, string(read(t, "here.txt")))
	for name, why := range differences {
		if want[name] == here[name] || want[name] == "" || here[name] == "" {
			t.Errorf("%s is no difference, or no scenario: %s", name, why)
		}
		want[name] = here[name]
	}
	if len(here) != len(differences) {
		t.Errorf("%d differences are recorded, %d have a reason", len(here), len(differences))
	}
	for _, groups := range []int{1, 4} {
		got := runScenarios(t, groups)
		ran, by := scenarios(t, got)
		for _, name := range names {
			if by[name] != want[name] {
				t.Errorf("%s, in %d groups:\n%swant:\n%s", name, groups, by[name], want[name])
			}
		}
		if len(ran) != len(names) {
			t.Errorf("%d scenarios ran, want %d", len(ran), len(names))
		}
	}
}

func runScenarios(t *testing.T, groups int) string {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	main, err := fs.ReadFile(libraries.FS(), libraries.MainLibc)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	l, err := linker.New(ctx, rt, main,
		linker.NewConfig().WithFS(os.DirFS("testdata/scenarios")).WithStdio(nil, &out, &out))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(ctx)
	g := l.Main()
	for range groups - 1 {
		if g, err = l.Main().Spawn(ctx); err != nil {
			t.Fatal(err)
		}
	}
	lib, err := g.Open(ctx, "scenarios.so")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Call(ctx, lib, "run"); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
