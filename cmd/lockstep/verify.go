package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/cmd/lockstep/verify"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/linker/testdata"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/tla"
)

func verifyCommand() *cobra.Command {
	var out string
	o := verify.DefaultOptions(nil, nil)
	cmd := &cobra.Command{
		Use: "verify",
		Short: "Explore the protocol, check the model, run programs on the real linker and judge " +
			"them",
		Long: `verify walks every state of the protocol's models and checks all invariants, finds
the mistake wherever a guard is switched off, checks the TLA+ text with the embedded checker, runs
random concurrent programs on the real linker and judges their histories, and parses with a stock
grammar in several instance groups. It ends with a table of what was checked and with a report,
out/report.html. A check that fails shows how: the property that is violated, and the actions that
lead there. The exit status is 0 only if everything holds.

Away from the source tree it checks the specification that it was built with, and skips what needs
modules that "make deps" fetches.`,
		Example: `  lockstep verify
  lockstep verify --groups 8 --clients 16 --programs 20 --seed 100`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			o.Specifications, o.Fixtures = tla.Files(), testdata.FS()
			if root, err := stock.Root(); err == nil { // what is being worked on
				o.Specifications = os.DirFS(filepath.Join(root, "tla"))
				o.Fixtures = os.DirFS(filepath.Join(root, "linker", "testdata"))
				if !filepath.IsAbs(out) {
					out = filepath.Join(root, out)
				}
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return fmt.Errorf("verify: %w", err)
			}
			page, err := openResult(filepath.Join(out, "report.html"))
			if err != nil {
				return fmt.Errorf("verify: %w", err)
			}
			defer page.close()
			report, err := runVerify(cmd, o)
			if err != nil {
				return err
			}
			if !report.Stopped {
				if err := page.commit(report.WriteHTML); err != nil {
					return fmt.Errorf("verify: report: %w", err)
				}
			}
			if err := result.Show(cmd, report.Summary(), func(w io.Writer) {
				fmt.Fprintln(w)
				report.WriteTable(w)
				if !report.Stopped {
					fmt.Fprintf(w, "\nreport: %s\n", page.name)
				}
			}); err != nil {
				return err
			}
			if !report.OK() {
				return errVerdict
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&out, "out", "o", "out", "folder for the report")
	flags.Uint64Var(
		&o.Seed,
		"seed",
		o.Seed,
		"seed of the first program; the others have the next ones",
	)
	flags.IntVar(&o.Programs, "programs", o.Programs, "random programs on the real linker")
	flags.IntVar(&o.Groups, "groups", o.Groups, "instance groups in each program")
	flags.IntVar(&o.Clients, "clients", o.Clients, "goroutines in each program")
	flags.IntVar(&o.Rounds, "rounds", o.Rounds, "meetings of the goroutines in each program")
	flags.IntVar(
		&o.Operations,
		"operations",
		o.Operations,
		"operations of each goroutine between two meetings",
	)
	flags.IntVar(
		&o.Exploration,
		"exploration",
		o.Exploration,
		"largest model to explore, in distinct states",
	)
	flags.IntVar(
		&o.Embedded,
		"embedded",
		o.Embedded,
		"largest model for the embedded checker, in distinct states",
	)
	flags.StringVar(&o.Grammar, "grammar", o.Grammar, "stock grammar to parse with")
	flags.DurationVar(&o.Timeout, "timeout", o.Timeout, "time for judging one history")
	return cmd
}

// runVerify shows progress while the checks run: bars on a terminal, lines elsewhere.
func runVerify(cmd *cobra.Command, o verify.Options) (*verify.Report, error) {
	if isTerminal(cmd.ErrOrStderr()) {
		bars := verify.NewBars(cmd.ErrOrStderr())
		defer bars.Stop()
		return verify.Run(cmd.Context(), o, bars)
	}
	return verify.Run(cmd.Context(), o, verify.NewLines(cmd.ErrOrStderr()))
}
