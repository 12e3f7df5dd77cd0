// Command lockstep verifies the project, judges recorded histories, and shows what is in shared libraries.
//
//	lockstep verify                explore, check, run and judge; the table and out/report.html
//	lockstep judge FILE…           judge histories that were recorded before
//	lockstep inspect FILE…         show the dylink section, imports and exports of modules
//	lockstep trace record|check    record what the protocol of a running linker does, and check it
//	lockstep soak                  run random programs in an unsound environment, for as long as one likes
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// errVerdict is the error of a command that did its work and found something bad: it has said so already.
var errVerdict = errors.New("not everything holds")

// run is main without the process around it. The exit status is 0 if all is well, 1 if something was found, and 2
// if the command could not do its work.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "lockstep",
		Short:         "A dynamic linker for WebAssembly whose concurrent core is model-checked",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(verifyCommand(), judgeCommand(), inspectCommand(), traceCommand(), soakCommand())
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errVerdict):
		return 1
	}
	fmt.Fprintln(stderr, "lockstep:", err)
	return 2
}
