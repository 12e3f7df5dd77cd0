// Command lockstep verifies the project, judges recorded histories, and shows what is in shared libraries.
//
//	lockstep verify                explore, check, run and judge; the table and out/report.html
//	lockstep record                run one long program on the real linker, and judge its history
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
	"runtime/debug"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// argumentError says what is wrong with the arguments of a command.
type argumentError struct{ command, reason string }

// Error implements the error interface.
func (e argumentError) Error() string { return e.command + ": " + e.reason }

// version is that of the module, as the go command has noted it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}

// errVerdict is the error of a command that did its work and found something bad: it has said so already.
var errVerdict = errors.New("not everything holds")

// run is main without the process around it. The exit status is 0 if all is well, 1 if something was found, and 2
// if the command could not do its work.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
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

// newRoot makes the command with all that belong to it.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "A dynamic linker for WebAssembly whose concurrent core is model-checked",
		Long: `lockstep verifies the linker and its protocol, records and judges what the running linker does, and shows what is in shared
libraries. "lockstep help COMMAND" tells more of each command, "lockstep completion" writes completions for a shell.

Exit status: 0 if all is well, 1 if something was found (a violation, a rejected trace, a check that failed), 2 if the command
could not do its work (wrong arguments, a file that cannot be read or is not what it should be).`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(verifyCommand(), recordCommand(), judgeCommand(), inspectCommand(), traceCommand(), soakCommand())
	return root
}
