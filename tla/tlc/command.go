// Package tlc is the command "lockstep tlc", which checks the TLA+ models of the linker's protocol
// with TLC, and compares what TLC finds with what was recorded.
//
//	lockstep tlc                    check all models
//	lockstep tlc run NAME…          check some
//	lockstep tlc run --record       check all, and write tla/results.json
//	lockstep tlc list               what the models show, and what is on record
//	lockstep tlc trace FILE         show a counterexample that was saved under out/
//	lockstep tlc graph NAME -o FILE write a model's complete state graph
//	lockstep tlc graphs --record    write tla/graphs.json: what the explorer in Go must find
//	lockstep tlc guards             drop each guard of each action: which property catches it
//	lockstep tlc embedded NAME…     check with the embedded checker, without Java
//	lockstep tlc prove              prove the properties for any number of groups, with z3
//	lockstep tlc generate           write what is made from the list of actions
//	lockstep tlc server NAME        start TLC's distributed mode for a model
//
// In the source tree the models are those of its folder tla; elsewhere they are those that were
// built in. TLC is, in this order: the jar that the environment variable TLA2TOOLS_JAR names,
// tools/tla2tools.jar in the folder of the models (away from the source tree, in the user's cache),
// a command tlc on PATH; otherwise the pinned release is downloaded to that place. It needs Java 11
// or newer.
//
// It is for this project, and promises nothing to other modules.
package tlc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/process"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/internal/unpack"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/tla"
)

// Main is the command by itself, with a process around it. It returns the exit status: 0 if every
// model had the recorded and the expected result, 1 if not, 2 if that could not be found out.
func Main(args []string) int {
	return process.Supervise(
		func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
			command := Command()
			result.Flag(command)
			command.SetOut(stdout)
			command.SetErr(stderr)
			command.SetArgs(args)
			command.SilenceUsage, command.SilenceErrors = true, true
			err := command.ExecuteContext(ctx)
			var stopped *process.SignalError
			switch {
			case errors.As(context.Cause(ctx), &stopped):
				fmt.Fprintln(stderr, "tlc:", stopped)
				return process.StatusSignal + int(stopped.Signal)
			case err == nil:
				return 0
			}
			fmt.Fprintln(stderr, err)
			if Found(err) {
				return 1
			}
			return 2
		},
		args,
		os.Stdout,
		os.Stderr,
	)
}

// errFound means that a command has done its work, and that something is not as it should be. The
// errors that wrap it say what.
var errFound = errors.New("tlc")

// Found tells whether an error of the command means that it has done its work, and that something
// is not as it should be: the exit status is 1 then.
func Found(err error) bool { return errors.Is(err, errFound) || errors.Is(err, tla.ErrUnexpected) }

// errChecks means that models had other results than they should; what exactly was printed already.
var errChecks = fmt.Errorf("%w: not every model had the expected result", errFound)

// What else a command cannot do, or has found out.
var (
	errPartial  = errors.New("tlc: the graph is not complete")
	errSafety   = errors.New("tlc: the distributed mode explores for safety only")
	errGuards   = fmt.Errorf("%w: not every guard is caught or has a reason", errFound)
	errUnproved = fmt.Errorf("%w: not everything is proved", errFound)
	errRecord   = errors.New("tlc: --record is for all of them, not for some")
	errUnknown  = errors.New("tlc: there is no such thing to prove")
	errBuiltIn  = errors.New("tlc: writing is for the source tree, or for a copy that --dir names")
)

// folders says where things are.
type folders struct {
	specs string // the specifications and their manifest; "" until locate has found them
	tools string // where the jar is
	out   string // where counterexamples are saved
	built bool   // the specifications are those that are built in
}

// locate finds the specifications: those that --dir names, those of the source tree, or those that
// are built in, which it writes to a folder, for TLC reads files.
func (d *folders) locate() error {
	switch root, err := stock.Root(); {
	case d.specs != "":
	case err == nil:
		d.specs = filepath.Join(root, "tla")
	default:
		if d.specs, err = unpack.Folder(tla.Files(), "tla"); err != nil {
			return fmt.Errorf("tlc: %w", err)
		}
		d.built = true
	}
	d.tools = filepath.Join(d.specs, "tools")
	if d.built {
		d.tools = filepath.Join(unpack.Home(), "tools")
	}
	return nil
}

// Locator finds TLC for the source tree or, away from it, for this user.
func Locator() (tla.Locator, error) {
	var d folders
	err := d.locate()
	return d.locator(), err
}

func (d *folders) locator() tla.Locator { return tla.Locator{Dir: d.specs, Tools: d.tools} }

// Command makes the command, to be a part of another one.
func Command() *cobra.Command {
	dirs := &folders{}
	run := newRunCommand(dirs)
	root := &cobra.Command{
		Use:   "tlc",
		Short: "Check the TLA+ models with TLC, or with the embedded checker",
		Long: `tlc checks the models of the protocol's specification with TLC and compares what TLC
finds with what is on record: verdicts, properties, numbers of states. Without further words it
checks all of them, which takes minutes.

In the source tree the models are those of its folder tla; elsewhere those that were built in. TLC
is the jar that the environment variable ` + tla.EnvJar + ` names, the one in the folder tools of
the models (away from the source tree: lockstep/tools in the user's cache), or a command tlc on
PATH; otherwise the pinned release is downloaded. It needs Java 11 or newer; "tlc embedded" needs
neither.

The exit status is 0 if every model had the recorded and the expected result, 1 if one had not, and
2 if that could not be found out.`,
		Example: `  lockstep tlc run small NoSecondEpoch
  lockstep tlc embedded small`,
		Args:              cobra.NoArgs,
		RunE:              run.RunE,
		PersistentPreRunE: dirs.prepare,
	}
	root.PersistentFlags().StringVar(
		&dirs.specs,
		"dir",
		"",
		"folder with "+tla.ManifestFile+" (default: the source tree's, or that built in)",
	)
	root.PersistentFlags().StringVar(&dirs.out, "out", "out", "folder for counterexamples")
	root.Flags().AddFlagSet(run.Flags())
	root.AddCommand(
		run,
		newListCommand(dirs),
		newTraceCommand(dirs),
		newGraphCommand(dirs),
		newGraphsCommand(dirs),
		newGuardsCommand(dirs),
		newEmbeddedCommand(dirs),
		newServerCommand(dirs),
		newProveCommand(dirs),
		newGenerateCommand(dirs),
	)
	return root
}

// prepare is what happens before each of the commands.
func (d *folders) prepare(command *cobra.Command, _ []string) error {
	if err := d.locate(); err != nil {
		return err
	}
	if record := command.Flags().Lookup("record"); record != nil && record.Changed && d.built {
		return errBuiltIn
	}
	return nil
}

// progressOf is where a command tells what it has done already: with its result, or, where that is
// to be one value, beside it.
func progressOf(command *cobra.Command) io.Writer {
	if result.AsJSON(command) {
		return command.ErrOrStderr()
	}
	return command.OutOrStdout()
}

func (d *folders) suite() (*tla.Suite, error) { return tla.LoadSuite(os.DirFS(d.specs)) }

// tool finds TLC, or downloads it.
func (d *folders) tool(ctx context.Context, command *cobra.Command) (tla.Tool, error) {
	locator := d.locator()
	tool, err := locator.Find()
	if !errors.Is(err, tla.ErrNoTLC) || os.Getenv(tla.EnvJar) != "" {
		return tool, d.withoutTLC(err)
	}
	release := tla.PinnedRelease()
	fmt.Fprintf(
		command.ErrOrStderr(),
		"TLC is not installed: downloading %s to %s\n",
		release.URL,
		locator.JarFile(),
	)
	if err := tla.Download(ctx, http.DefaultClient, release, locator.JarFile()); err != nil {
		return tla.Tool{}, d.withoutTLC(
			fmt.Errorf("%w\nWithout a network: save %s as %s, or name the file in %s",
				err, release.URL, locator.JarFile(), tla.EnvJar),
		)
	}
	return locator.Find()
}

// withoutTLC adds to an error that TLC, or Java, is missing what works without it.
func (d *folders) withoutTLC(err error) error {
	if err == nil {
		return nil
	}
	offer := `"lockstep tlc embedded" checks models with the embedded checker, ` +
		`"lockstep verify" with that and the explorer`
	if d.built {
		offer = `"lockstep verify" checks the same models with the explorer of the protocol in Go; in the ` +
			` source tree, after "make deps", "lockstep tlc embedded" checks the text`
	}
	return fmt.Errorf("%w\nWithout TLC: %s", err, offer)
}
