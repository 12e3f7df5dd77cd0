package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/testdata"
	"github.com/lockstep-wasm/lockstep/model"
)

// soakOptions are the flags of "soak".
type soakOptions struct {
	seed     uint64
	duration time.Duration
	shifts   int
	loops    bool
}

func soakCommand() *cobra.Command {
	var o soakOptions
	cmd := &cobra.Command{
		Use: "soak",
		Short: "Run random programs on the real linker in an unsound environment, for as long as " +
			"one likes",
		Long: `soak runs random concurrent programs on the real linker, one linker after the
other, while its environment fails: files cannot be opened or take long, memory and table are
full, groups are killed by traps, calls are cancelled. Each shift's history must be linearizable,
its trace a behaviour of the protocol, and nothing may stay behind. It stops at the first that is
not so, and prints the command that runs this shift again. Everything in a shift follows from its
seed, except the interleaving. After a signal it prints the summary of the shifts that are done.`,
		Example: `  lockstep soak --duration 1h
  lockstep soak --seed 17 --shifts 1   # one shift again`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.duration <= 0 && o.shifts <= 0 {
				return argumentError{"soak", "give a duration or a number of shifts"}
			}
			return soak(cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the first shift; the others have the next ones")
	flags.DurationVar(&o.duration, "duration", time.Minute, "time after which no shift is begun")
	flags.BoolVar(&o.loops, "loop-safepoints", false, "load every module with loop safepoints")
	flags.IntVar(&o.shifts, "shifts", 0, "number of shifts; 0: as many as there is time for")
	return cmd
}

// shiftError says what is wrong after a shift that ran to its end.
type shiftError string

// Error implements the error interface.
func (e shiftError) Error() string { return string(e) }

// soakTotal is what happened in all shifts.
type soakTotal struct {
	Shifts       int    `json:"shifts"`
	Operations   int    `json:"operations"`
	Commits      uint64 `json:"commits"`
	Events       uint64 `json:"protocol_events"`
	Cancelled    int    `json:"operations_cancelled"`
	NoSpace      int    `json:"operations_without_space"`
	Faults       int    `json:"operations_whose_files_failed"`
	Killed       int    `json:"groups_killed"`
	Linearizable int    `json:"histories_linearizable"`
	Undecided    int    `json:"histories_undecided"`

	Failure string `json:"failure,omitempty"` // what is wrong, in the shift with which it ended
	Shift   string `json:"failed_shift,omitempty"`
	Again   string `json:"again,omitempty"` // the command that runs that shift again
}

func soak(cmd *cobra.Command, o soakOptions) (err error) {
	ctx := cmd.Context()
	cache := wazero.NewCompilationCache()
	defer func() { err = errors.Join(err, cache.Close(context.WithoutCancel(ctx))) }()
	total := soakTotal{}
	end := time.Now().Add(o.duration)
	for i := 0; (o.shifts <= 0 || i < o.shifts) && (o.shifts > 0 || time.Now().Before(end)); i++ {
		s := newShift(o.seed + uint64(i))
		s.loops = o.loops
		if err := s.run(ctx, cache); ctx.Err() != nil {
			break
		} else if err != nil {
			total.Failure, total.Shift = err.Error(), s.String()
			total.Again = fmt.Sprintf("lockstep soak --seed %d --shifts 1 --loop-safepoints=%t",
				s.program.Seed, s.loops)
			break
		}
		total.add(s)
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", s, s.result)
	}
	if err := result.Show(cmd, total, total.show); err != nil {
		return err
	}
	if total.Failure != "" {
		return errVerdict
	}
	return nil
}

// shift is one program on one linker.
type shift struct {
	program drive.Program
	percent int    // of the files that fail
	kills   bool   // traps end their groups
	pages   uint32 // of memory that there may be
	entries uint32 // of the function table that there may be
	loops   bool   // modules have loop safepoints

	history *lincheck.History
	result  lincheck.Result
	watch   trace.Watcher
}

func newShift(seed uint64) *shift {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := &shift{pages: 1024, entries: 10_000}
	s.program = drive.Program{
		Seed: seed, Groups: 1 + rng.IntN(8), Clients: 1 + rng.IntN(12), Rounds: 5, Operations: 8,
		Cancels: rng.IntN(2) == 0,
	}
	s.kills = rng.IntN(2) == 0
	if rng.IntN(2) == 0 {
		s.percent = 1 + rng.IntN(20)
	}
	if rng.IntN(3) == 0 { // room for the groups that there always are, and for little else
		s.pages = uint32(4 + s.program.Groups + rng.IntN(8))
	}
	if rng.IntN(3) == 0 {
		s.entries = uint32(40 + rng.IntN(150))
	}
	return s
}

// String says in a line what is special about the shift.
func (s *shift) String() string {
	p := &s.program
	return fmt.Sprintf(
		"seed %d: %d groups, %d clients, %d%% of the files fail, %d pages, %d table entries, "+
			"cancels %t, traps kill %t",
		p.Seed,
		p.Groups,
		p.Clients,
		s.percent,
		s.pages,
		s.entries,
		p.Cancels,
		s.kills,
	)
}

// run runs the program, judges it and returns what is wrong.
func (s *shift) run(ctx context.Context, cache wazero.CompilationCache) (err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCompilationCache(cache))
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	world := drive.Fixtures(testdata.FS()).WithFaults(s.program.Seed, s.percent, s.kills)
	config := linker.NewConfig().WithObserver(s.watch.Observe).WithTrapClosesGroup(s.kills).
		WithStackSize(
			64<<10,
		).WithMemoryPages(0, s.pages).WithMaxTable(s.entries).WithLoopSafepoints(s.loops)
	subject, err := drive.New(ctx, rt, world, config)
	if err != nil {
		return err
	}
	if s.history, err = subject.Run(ctx, s.program, nil); err != nil {
		return err
	}
	left := subject.Linker.Libraries()
	if err := subject.Linker.Close(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := s.watch.Err(); err != nil {
		return err
	}
	if len(left) > 0 {
		return shiftError(fmt.Sprintf("still loaded at the end: %v", left))
	}
	s.result = lincheck.Judge(s.history, lincheck.Limits{Timeout: time.Minute})
	if s.result.Verdict == lincheck.Violation {
		return shiftError(s.result.String())
	}
	return nil
}

func (t *soakTotal) add(s *shift) {
	t.Shifts++
	if s.result.Verdict == lincheck.OK {
		t.Linearizable++
	} else {
		t.Undecided++
	}
	t.Operations += len(s.history.Operations)
	summary := s.watch.Summary()
	t.Commits += summary.Commits
	t.Events += summary.Events
	for _, op := range s.history.Operations {
		switch op.Output.Err {
		case model.ClassCancelled:
			t.Cancelled++
		case model.ClassNoSpace:
			t.NoSpace++
		case drive.ClassFault:
			t.Faults++
		}
		if op.Output.Trap != "" && s.kills {
			t.Killed++
		}
	}
}

// show prints the summary. Undecided histories are no failures, but they are not passed over
// either.
func (t *soakTotal) show(w io.Writer) {
	out := table.NewWriter()
	out.SetOutputMirror(w)
	out.SetStyle(table.StyleLight)
	out.AppendRows([]table.Row{
		{
			"shifts",
			t.Shifts,
		}, {"operations", t.Operations}, {"commits", t.Commits},
		{"protocol events, all allowed", t.Events},
		{
			"operations cancelled",
			t.Cancelled,
		}, {"operations without memory or table entries", t.NoSpace},
		{"operations whose files failed", t.Faults}, {"groups killed and survived", t.Killed},
		{"histories linearizable", t.Linearizable}, {"histories undecided", t.Undecided},
	})
	out.Render()
	if t.Failure != "" {
		fmt.Fprintf(w, "\n%s\n%s\nto run it again: %s\n", t.Shift, t.Failure, t.Again)
	}
}
