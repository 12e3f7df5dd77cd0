package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/linker/testdata"
	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/timeline"
	"github.com/lockstep-wasm/lockstep/tla"
)

func demoCommand() *cobra.Command {
	var guard, out string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See four threads while a plug-in is replaced, or what a missing guard does",
		Long: `demo runs a program in four instance groups and replaces one of its libraries while
they call it, and draws what the protocol does: who asks for the lease, who is waited for, when
everybody has arrived and applied.

With --break it switches a guard of the protocol off instead, and shows the shortest way to what
goes wrong: the property that is violated, and the actions that lead there, with what each
changes. The guards are

` + wrapped(guards(), 90) + `.

The page of the same picture, with zoom and search, is written to --output.`,
		Example: `  lockstep demo
  lockstep demo --break SecondEpoch --output broken.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var page *resultFile
			if out != "" {
				var err error
				if page, err = openResult(out); err != nil {
					return fmt.Errorf("demo: %w", err)
				}
				defer page.close()
			}
			d, err := newDemo(cmd.Context(), guard)
			if err != nil {
				return err
			}
			if page != nil {
				err := page.commit(func(w io.Writer) error {
					return counterexample.WriteHTML(
						w,
						d.title,
						d.about,
						d.Timeline,
						d.Counterexample,
					)
				})
				if err != nil {
					return fmt.Errorf("demo: %w", err)
				}
			}
			return result.Show(cmd, d, func(w io.Writer) { d.write(w, out) })
		},
	}
	cmd.Flags().StringVar(&guard, "break", "", "guard to switch off")
	cmd.Flags().StringVarP(
		&out,
		"output",
		"o",
		"lockstep-demo.html",
		`file for the page; "" for none`,
	)
	err := cmd.RegisterFlagCompletionFunc("break",
		func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return guards(), cobra.ShellCompDirectiveNoFileComp
		})
	if err != nil {
		panic(err) // there is such a flag
	}
	return cmd
}

// wrapped lists names in lines of so many columns at most.
func wrapped(names []string, columns int) string {
	var b strings.Builder
	line := ""
	for i, n := range names {
		if i < len(names)-1 {
			n += ","
		}
		if line != "" && len(line)+1+len(n) > columns {
			b.WriteString(line + "\n")
			line = ""
		}
		line = strings.TrimPrefix(line+" "+n, " ")
	}
	return b.String() + line
}

func guards() (names []string) {
	for _, g := range protocol.AllGuards() {
		names = append(names, g.Names()...)
	}
	return names
}

// demo is what "demo" shows.
type demo struct {
	title, about   string
	Timeline       *timeline.Timeline             `json:"timeline"`
	Counterexample *counterexample.Counterexample `json:"counterexample,omitempty"`
}

func newDemo(ctx context.Context, guard string) (*demo, error) {
	if guard == "" {
		return replaceWhileUsed(ctx)
	}
	if _, err := protocol.ParseGuard(guard); err != nil {
		return nil, argumentError{
			"demo",
			fmt.Sprintf("no guard %q: want one of %s", guard, strings.Join(guards(), ", ")),
		}
	}
	return breakGuard(ctx, guard)
}

func (d *demo) write(w io.Writer, page string) {
	if d.Counterexample != nil {
		_ = d.Counterexample.WriteText(w) // an error is the output's, which remembers it
		fmt.Fprintln(w)
	} else {
		fmt.Fprintf(w, "%s\n\n", d.about)
	}
	_ = d.Timeline.WriteText(w, false)
	if page != "" {
		fmt.Fprintf(w, "\n%s: the same picture, with zoom and search\n", page)
	}
}

// breakGuard explores the model of the mistake that has this guard off.
func breakGuard(ctx context.Context, guard string) (*demo, error) {
	suite, err := tla.LoadSuite(tla.Files())
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	for _, m := range suite.Models {
		if !m.Explorer || m.Exit == 0 {
			continue
		}
		x, err := model.NewExplorer(suite.FS, m)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		if off := x.Config.Off.Names(); len(off) != 1 || off[0] != guard {
			continue
		}
		_, err = x.Run(ctx)
		var v *model.ViolationError
		if !errors.As(err, &v) {
			return nil, fmt.Errorf("demo: model %s: no violation: %w", m.Name, err)
		}
		c, err := counterexample.OfViolation(x.Config, v)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		t, err := timeline.New("", x.Config, c.Actions, nil)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		return &demo{
			title:          "Lockstep without " + guard,
			about:          m.Shows,
			Timeline:       t,
			Counterexample: c,
		}, nil
	}
	return nil, argumentError{"demo", "no model has only the guard " + guard + " off"}
}

// The parts of the demonstration.
const (
	demoGroups = 4
	demoCalls  = 3 // of each group, of each version
	versionOne = "libscope_one.wasm"
	versionTwo = "libscope_two.wasm"
	plugInCall = "scope_which"
)

// replaceWhileUsed runs four groups that call a library while it is replaced by another version.
func replaceWhileUsed(ctx context.Context) (d *demo, err error) {
	var steps []protocol.Step
	var times []time.Duration
	var config protocol.Config
	begun := time.Now()
	observe := func(e coord.Event) {
		if len(steps) == 0 {
			config = e.State.Config
		}
		steps, times = append(steps, e.Step), append(times, time.Since(begun))
	}
	if err := runReplacement(ctx, observe); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	t, err := timeline.New("", config, steps, times)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return &demo{
		title: "Four groups while a plug-in is replaced",
		about: fmt.Sprintf(
			"%d groups call a plug-in while it is replaced: %d actions, all of which the\n"+
				"protocol allows. Each link operation gathers all groups, all of them apply\n"+
				"it, and it commits.",
			demoGroups,
			len(steps),
		),
		Timeline: t,
	}, nil
}

// runReplacement is the program of the demonstration.
func runReplacement(ctx context.Context, observe coord.Observer) (err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	files := testdata.FS()
	main, err := fs.ReadFile(files, "main-pie.wasm")
	if err != nil {
		return err
	}
	l, err := linker.New(
		ctx,
		rt,
		main,
		linker.NewConfig().WithFS(files).WithSearchPath("threads").WithObserver(observe),
	)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
	groups := []*linker.Group{l.Main()}
	for len(groups) < demoGroups {
		g, err := groups[0].Spawn(ctx)
		if err != nil {
			return err
		}
		groups = append(groups, g)
	}
	one, err := groups[0].Open(ctx, versionOne, linker.Local)
	if err != nil {
		return err
	}
	var calls sync.WaitGroup
	errs := make([]error, demoGroups)
	for i, g := range groups[1:] {
		calls.Go(func() { errs[i] = callBoth(ctx, g, one) })
	}
	errs[demoGroups-1] = callBoth(ctx, groups[0], one)
	calls.Wait()
	return errors.Join(append(errs, groups[0].CloseLibrary(ctx, one))...)
}

// callBoth calls the plug-in's first version, opens the second one, which only the first caller
// loads, and calls that.
func callBoth(ctx context.Context, g *linker.Group, one *linker.Library) error {
	for range demoCalls {
		if _, err := g.Call(ctx, one, plugInCall, 1); err != nil {
			return err
		}
	}
	two, err := g.Open(ctx, versionTwo, linker.Local)
	if err != nil {
		return err
	}
	for range demoCalls {
		if _, err := g.Call(ctx, two, plugInCall, 1); err != nil {
			return err
		}
	}
	return g.CloseLibrary(ctx, two)
}
