package linker_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// eachImage runs a test with every main module, with one group and, where there can be several,
// with four. The first is the main group.
func eachImage(t *testing.T, f func(t *testing.T, groups []*image)) {
	for _, m := range mains {
		for _, n := range []int{1, 4} {
			if n > 1 && !m.groups {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", m.name, n), func(t *testing.T) {
				groups := []*image{newImage(t, m.name, m.libs, nil)}
				for len(groups) < n {
					groups = append(groups, groups[0].spawn())
				}
				f(t, groups)
			})
		}
	}
}

// openAs opens lib<name>.wasm with options.
func (i *image) openAs(name string, options ...linker.OpenOption) *linker.Library {
	i.Helper()
	lib, err := i.g.Open(i.ctx, "lib"+name+".wasm", options...)
	if err != nil {
		i.Fatal(err)
	}
	return lib
}

func (i *image) closeLibrary(lib *linker.Library) {
	i.Helper()
	if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
		i.Fatal(err)
	}
}

func isUndefined(err error) bool { return errors.As(err, new(*linker.UndefinedSymbolError)) }

// A local library's symbols are found through its handle and by those that need it, and by no
// others, until it is opened as a global one.
func TestLocal(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		lib := i.openAs("chain_a", linker.Local) // it needs chain_b, which needs chain_c
		for _, g := range groups {
			g.want(721, lib, "chain_a", 4)
			if _, err := g.try(linker.Default, "chain_c", 1); !isUndefined(err) {
				t.Errorf("a local library's symbol in the global scope: %v", err)
			}
			if _, err := g.g.Symbol(g.ctx, linker.Default, "chain_a"); !isUndefined(err) {
				t.Errorf("a local library's symbol in the global scope: %v", err)
			}
		}
		pointer := i.symbol(lib, "chain_c")
		commits := i.l.Commits()
		b := groups[len(groups)-1].openAs("chain_b", linker.Global)
		if i.l.Commits() != commits+1 {
			t.Error("making a library global is no link operation")
		}
		for _, g := range groups {
			if got := g.symbol(linker.Default, "chain_c"); got != pointer {
				t.Errorf("chain_c is %d, and was %d", got, pointer)
			}
			if _, err := g.try(linker.Default, "chain_a", 1); !isUndefined(err) {
				t.Errorf("needing a global library makes nobody global: %v", err)
			}
		}
		i.symbol(linker.Default, "chain_b")
		commits = i.l.Commits()
		i.closeLibrary(i.openAs("chain_b"))
		i.closeLibrary(i.openAs("chain_b", linker.Local))
		i.symbol(linker.Default, "chain_b")
		if i.l.Commits() != commits {
			t.Error("opening a library again was a link operation, although nothing changed")
		}
		i.closeLibrary(lib)
		i.symbol(linker.Default, "chain_b")
		i.closeLibrary(b)
		if got := i.l.Libraries(); len(got) != 0 {
			t.Errorf("libraries: %v", got)
		}
	})
}

// A local library interposes no other, not even later; global ones do, in the order in which they
// became global.
func TestLocalInterposition(t *testing.T) {
	cases := []struct {
		name    string
		open    func(i *image)
		value   int32 // of interpose_value as libinterpose sees it
		calls   int32 // what interpose_call(1) gives
		options []linker.OpenOption
	}{
		{"local first", func(i *image) { i.openAs("interposer", linker.Local) }, 61, 62, nil},
		{"global first", func(i *image) { i.openAs("interposer") }, 62, 63, nil},
		{"promoted first", func(i *image) {
			i.openAs("interposer", linker.Local)
			i.openAs("interposer", linker.NoLoad, linker.Global)
		}, 62, 63, nil},
		{"global first, then local", func(i *image) { i.openAs("interposer") }, 62, 63,
			[]linker.OpenOption{linker.Local}},
		{"both local", func(i *image) { i.openAs("interposer", linker.Local) }, 61, 62,
			[]linker.OpenOption{linker.Local}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			eachImage(t, func(t *testing.T, groups []*image) {
				c.open(groups[0])
				lib := groups[0].openAs("interpose", c.options...)
				for _, g := range groups {
					g.want(c.value, lib, "interpose_read")
					g.want(c.calls, lib, "interpose_call", 1)
					g.want(62, lib, "interpose_call_own", 1)
				}
			})
		})
	}
}

// A function that is looked for when it is called is not found in a local library, and is found
// once that is global.
func TestLazyFindsPromoted(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		even := groups[0].openAs("even", linker.Local)
		groups[0].openAs("odd", linker.Local)
		for _, g := range groups {
			if _, err := g.try(even, "even", 8); !isUndefined(err) {
				t.Errorf("a function of a local library: %v", err)
			}
		}
		groups[0].openAs("odd", linker.Global)
		for _, g := range groups {
			if _, err := g.try(even, "even", 8); !isUndefined(err) {
				t.Errorf("even is local, and odd called it: %v", err)
			}
		}
		groups[0].openAs("even", linker.NoLoad, linker.Global)
		for _, g := range groups {
			g.want(1, even, "even", 8)
		}
	})
}

// NoLoad gives handles to what is loaded and loads nothing.
func TestNoLoad(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[len(groups)-1]
		before := i.l.Snapshot(i.ctx)
		for _, name := range []string{"libchain_a.wasm", "libno_such_file.wasm"} {
			var le *linker.LoadError
			if _, err := i.g.Open(i.ctx, name, linker.NoLoad); !errors.Is(err,
				linker.ErrNotLoaded) || !errors.As(err, &le) || le.Module != name {
				t.Errorf("NoLoad of %s: %v", name, err)
			}
		}
		if _, err := i.g.OpenBytes(i.ctx, "bytes", readFixture(t, "plain/libcounter.wasm"),
			linker.NoLoad); !errors.Is(err, linker.ErrNotLoaded) {
			t.Errorf("NoLoad of bytes: %v", err)
		}
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("NoLoad changed something:\n%s", difference(before, after))
		}
		lib := groups[0].open("chain_a")
		again := i.openAs("chain_a", linker.NoLoad)
		needed := i.openAs("chain_c", linker.NoLoad)
		i.closeLibrary(lib)
		i.want(721, again, "chain_a", 4)
		i.closeLibrary(again)
		i.want(7, needed, "chain_c", 4)
		i.closeLibrary(needed)
		if got := i.l.Libraries(); len(got) != 0 {
			t.Errorf("libraries: %v", got)
		}
	})
}

// NoDelete keeps a library, with what it needs, when its last handle is given up.
func TestNoDelete(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		i.closeLibrary(i.openAs("chain_b", linker.NoDelete))
		counter := i.open("counter")
		i.call(counter, "counter_next")
		i.openAs("counter", linker.NoLoad, linker.NoDelete)
		i.closeLibrary(counter)
		if got, want := i.l.Libraries(),
			[]string{"libchain_b.wasm", "libchain_c.wasm", "libcounter.wasm"}; !slices.Equal(got,
			want) {
			t.Errorf("libraries: %v, want %v", got, want)
		}
		again := groups[len(groups)-1].open("counter")
		i.want(102, again, "counter_next")
	})
}

// Now and Lazy decide for one call what a missing function means, and win over the configuration.
func TestNowForOneCall(t *testing.T) {
	for _, byDefault := range []bool{false, true} {
		i := newImage(t, "main-pie", "threads",
			func(c *linker.Config) *linker.Config { return c.WithNow(byDefault) })
		before := i.l.Snapshot(i.ctx)
		for _, options := range [][]linker.OpenOption{{linker.Now}, {linker.Lazy, linker.Now}} {
			if _, err := i.g.Open(i.ctx, "libunresolved.wasm", options...); !isUndefined(err) {
				t.Errorf("%v: %v", options, err)
			}
		}
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("a library that was refused left something:\n%s", difference(before, after))
		}
		lib := i.openAs("unresolved", linker.Lazy)
		i.want(5, lib, "unresolved_fine", 4)
		if _, err := i.g.Open(i.ctx, "libunresolved.wasm", linker.Now); !isUndefined(err) {
			t.Errorf("Now, of a library that is loaded: %v", err)
		}
		i.closeLibrary(lib) // the failed Open counts for nothing
		if got := i.l.Libraries(); len(got) != 0 {
			t.Errorf("libraries: %v", got)
		}

		even := i.openAs("even", linker.Lazy)
		if _, err := i.g.Open(i.ctx, "libeven.wasm", linker.Now); !isUndefined(err) {
			t.Errorf("Now, before the other half is there: %v", err)
		}
		i.openAs("odd")
		i.openAs("even", linker.Now)
		i.want(1, even, "even", 8)
		i.openAs("weak", linker.Now) // weak imports may be missing

		// it wants what scope_one has, and neither needs the other
		user := i.openAs("scope_user", linker.Lazy, linker.Local)
		i.openAs("scope_one", linker.Local)
		if _, err := i.g.Open(i.ctx, "libscope_user.wasm", linker.Now,
			linker.Local); !isUndefined(err) {
			t.Errorf("Now, while what is missing is local: %v", err)
		}
		// it needs both, so now they are of one load group
		i.openAs("scope_top", linker.Now, linker.Local)
		i.openAs("scope_user", linker.Now, linker.Local)
		i.want(100001, user, "scope_use", 1)
	}
}

func TestUnknownOption(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	var oe *linker.OptionError
	if _, err := i.g.Open(i.ctx, "libcounter.wasm", 99); !errors.As(err, &oe) || oe.Option != 99 {
		t.Errorf("option 99: %v", err)
	}
	for option, name := range map[linker.OpenOption]string{linker.Lazy: "Lazy",
		linker.NoDelete: "NoDelete", 0: "OpenOption(0)", 9: "OpenOption(9)"} {
		if option.String() != name {
			t.Errorf("option %d is %q, want %q", option, option, name)
		}
	}
}
