// Command tlc checks the TLA+ models of the linker's protocol with TLC, and compares what TLC finds
// with what was recorded.
//
//	go run ./tla/cmd/tlc                    check all models
//	go run ./tla/cmd/tlc run NAME…          check some
//	go run ./tla/cmd/tlc run --record       check all, and write tla/results.json
//	go run ./tla/cmd/tlc list               what the models show, and what is on record
//	go run ./tla/cmd/tlc trace FILE         show a counterexample that was saved under out/
//	go run ./tla/cmd/tlc graph NAME -o FILE write a model's complete state graph
//	go run ./tla/cmd/tlc graphs --record    write tla/graphs.json: what the explorer in Go must find
//	go run ./tla/cmd/tlc guards             drop each guard of each action: which property catches it
//	go run ./tla/cmd/tlc embedded NAME…     check with the embedded checker, without Java
//	go run ./tla/cmd/tlc prove              prove the properties for any number of groups, with z3
//	go run ./tla/cmd/tlc server NAME        start TLC's distributed mode for a model
//
// TLC is, in this order: the jar that the environment variable TLA2TOOLS_JAR names,
// tla/tools/tla2tools.jar, a command tlc on PATH; otherwise the pinned release is downloaded to
// tla/tools. It needs Java 11 or newer.
//
// Exit status 0 means that every model had the recorded and the expected result.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/tla"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	command := newCommand()
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(command.ErrOrStderr(), err)
		stop()
		os.Exit(1)
	}
}

// errChecks means that models had other results than they should; what exactly was printed already.
var errChecks = errors.New("tlc: not every model had the expected result")

// What else a command cannot do, or has found out.
var (
	errPartial  = errors.New("tlc: the graph is not complete")
	errSafety   = errors.New("tlc: the distributed mode explores for safety only")
	errGuards   = errors.New("tlc: not every guard is caught or has a reason")
	errUnproved = errors.New("tlc: not everything is proved")
	errRecord   = errors.New("tlc: --record is for all of them, not for some")
	errUnknown  = errors.New("tlc: there is no such thing to prove")
)

// folders says where things are.
type folders struct {
	specs string // the specifications and their manifest
	out   string // where counterexamples are saved
}

func newCommand() *cobra.Command {
	dirs := &folders{}
	run := newRunCommand(dirs)
	root := &cobra.Command{
		Use:           "tlc",
		Short:         "Check the TLA+ models with TLC and compare with the record",
		Args:          cobra.NoArgs,
		RunE:          run.RunE,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&dirs.specs, "dir", "tla",
		"folder of the specifications and of "+tla.ManifestFile)
	root.PersistentFlags().StringVar(&dirs.out, "out", "out", "folder for counterexamples")
	root.Flags().AddFlagSet(run.Flags())
	root.AddCommand(run, newListCommand(dirs), newTraceCommand(), newGraphCommand(dirs),
		newGraphsCommand(dirs), newGuardsCommand(dirs), newEmbeddedCommand(dirs),
		newServerCommand(dirs), newProveCommand(dirs))
	return root
}

func (d *folders) suite() (*tla.Suite, error) { return tla.LoadSuite(os.DirFS(d.specs)) }

// tool finds TLC, or downloads it.
func (d *folders) tool(ctx context.Context, command *cobra.Command) (tla.Tool, error) {
	locator := tla.Locator{Dir: d.specs}
	tool, err := locator.Find()
	if !errors.Is(err, tla.ErrNoTLC) || os.Getenv(tla.EnvJar) != "" {
		return tool, err
	}
	release := tla.PinnedRelease()
	fmt.Fprintf(command.ErrOrStderr(), "TLC is not installed: downloading %s to %s\n", release.URL,
		locator.JarFile())
	if err := tla.Download(ctx, http.DefaultClient, release, locator.JarFile()); err != nil {
		return tla.Tool{},
			fmt.Errorf("%w\nWithout a network: save %s as %s, or name the file in %s.\n"+
				"Without TLC: lockstep verify checks the same models with the explorer and the "+
				"embedded checker",
				err, release.URL, locator.JarFile(), tla.EnvJar)
	}
	return locator.Find()
}
