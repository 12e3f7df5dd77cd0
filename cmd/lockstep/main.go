// Command lockstep runs programs that load libraries, shows what is in them, and verifies the
// project.
//
//	lockstep run MAIN [ARG…]       run a program with its libraries, as ld.so does
//	lockstep info FILE…            show what a module exports and needs
//	lockstep ldd FILE…             show which libraries a module needs, and whose its symbols are
//	lockstep verify                explore, check, run and judge; the table and out/report.html
//	lockstep record                run one long program on the real linker, and judge its history
//	lockstep judge FILE…           judge histories that were recorded before
//	lockstep trace record|check    record what the protocol of a running linker does, and check it
//	lockstep soak                  run random programs while their environment fails
//	lockstep demo                  draw four threads while a plug-in is replaced
//	lockstep tlc                   check the TLA+ models with TLC, or with the embedded checker
//	lockstep cc, c++               compile a library or a program with clang and the right flags
//	lockstep man DIR               write the manual pages
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/process"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/internal/version"
	"github.com/lockstep-wasm/lockstep/tla/tlc"
)

func main() {
	os.Exit(process.Supervise(run, os.Args[1:], os.Stdout, os.Stderr))
}

// argumentError says what is wrong with the arguments of a command.
type argumentError struct{ command, reason string }

// Error implements the error interface.
func (e argumentError) Error() string { return e.command + ": " + e.reason }

// buildVersion is the project's version, and where the go command has noted another one, that: of a
// commit.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if v := "v" + version.Number; ok && info.Main.Version != "" && info.Main.Version != v {
		return version.Number + " (" + info.Main.Version + ")"
	}
	return version.Number
}

// errVerdict is the error of a command that did its work and found something bad: it has said so
// already.
var errVerdict = errors.New("not everything holds")

// statusError is the error of a command that ends with an exit status of its own, and has said why.
type statusError int

// Error implements the error interface.
func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// The exit statuses, besides those of a program that "run" runs.
const (
	statusFound  = 1 // something was found: a violation, a missing library
	statusUnable = 2 // the command could not do its work
)

// run is main without the process around it. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &output{w: stdout}
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var stopped *process.SignalError
	var status statusError
	switch {
	case errors.As(context.Cause(ctx), &stopped):
		fmt.Fprintln(stderr, "lockstep:", stopped)
		return process.StatusSignal + int(stopped.Signal)
	case out.err != nil && (err == nil || errors.Is(err, errVerdict) || errors.Is(err, out.err)):
		fmt.Fprintln(stderr, "lockstep: output:", out.err)
		return statusUnable
	case err == nil:
		return 0
	case errors.Is(err, errVerdict):
		return statusFound
	case tlc.Found(err):
		fmt.Fprintln(stderr, "lockstep:", err)
		return statusFound
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintln(stderr, "lockstep:", err)
	return statusUnable
}

// newRoot makes the command with all that belong to it.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "A dynamic linker for WebAssembly, whose concurrent core is model-checked",
		Long: `lockstep runs WebAssembly programs that load shared libraries, shows what is in
such files, verifies the linker and its protocol, and records and judges what the running linker
does. "lockstep help COMMAND" tells more of each command, "lockstep completion" writes completions
for a shell.

Exit status: 0 if all is well, 1 if something was found (a violation, a rejected trace, a check
that failed, a missing library), 2 if the command could not do its work (wrong arguments, a file
that cannot be read or is not what it should be, output that cannot be written), 130 after an
interrupt and 143 after SIGTERM, with what was done so far. "lockstep run" ends with the status of
the program.`,
		Example: `  lockstep info plugin.wasm
  lockstep run --lib lib program.wasm argument`,
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	result.Flag(root)
	root.AddCommand(
		runCommand(),
		demoCommand(),
		compilerCommand(false),
		compilerCommand(true),
		verifyCommand(),
		recordCommand(),
		judgeCommand(),
		infoCommand(),
		lddCommand(),
		traceCommand(),
		soakCommand(),
		tlc.Command(),
		manCommand(),
	)
	withStatuses(root)
	return root
}

// withStatuses has each command's help say how it ends, where it does not say more itself.
func withStatuses(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		if c.Long == "" {
			c.Long = c.Short + "."
		}
		if !strings.Contains(strings.ToLower(c.Long), "exit status") {
			c.Long += `

Exit status: 0 if all is well, 1 if something was found that should not be, 2 if the command could
not do its work, 130 after an interrupt and 143 after SIGTERM.`
		}
		withStatuses(c)
	}
}
