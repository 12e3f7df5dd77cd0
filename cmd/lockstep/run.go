package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/internal/process"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

// The exit statuses of "run" when the program itself has none, as shells have them.
const (
	statusTrap    = 126 // it was loaded, and trapped
	statusUnfound = 127 // it could not be loaded
)

// runOptions are the flags of "run".
type runOptions struct {
	libs  libraryFlags
	mount []string
	env   []string
	trace []string
	cache string
	now   bool
	loops bool
}

func runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [flags] MAIN [ARG…]",
		Short: "Run a program with its libraries, as ld.so does",
		Long: `run links a main module with the libraries that it needs and calls its _start, with
WASI: its arguments, this process's standard streams, and only those folders and environment
variables that it is given. It loads further libraries by dlopen, from the same search path. A main
module that Emscripten built (emcc -sMAIN_MODULE) gets Emscripten's system calls instead, on a file
system in memory with the folders that it is given.

--trace tells what the linker does, on standard error, as LD_DEBUG makes ld.so tell it: files,
bindings, symbols, groups, or all.

The exit status is the program's; 126 if it trapped, 127 if it could not be loaded. The error then
names the module and the function, or the symbol. With --json, which comes before MAIN, the status,
the error and what the program wrote to its standard output are printed as one value. A signal ends
it at once, whatever the program does.`,
		Example: `  lockstep run program.wasm argument
  lockstep run --lib lib --dir .:/work --env LANG=C program.wasm
  lockstep run --trace=files,bindings program.wasm`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: wasmFiles,
		RunE:              o.run,
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows MAIN is the program's
	o.libs.add(cmd)
	flags.StringArrayVar(
		&o.mount,
		"dir",
		nil,
		"folder that the program sees: HOST[:GUEST]; may be repeated",
	)
	flags.StringArrayVar(
		&o.env,
		"env",
		nil,
		"environment variable: NAME=VALUE, or NAME for this process's; may be repeated",
	)
	flags.StringSliceVar(
		&o.trace,
		"trace",
		nil,
		"tell what the linker does: files, bindings, symbols, groups, all",
	)
	flags.Lookup("trace").NoOptDefVal = "all"
	flags.StringVar(
		&o.cache,
		"cache",
		"",
		"folder in which compiled code is kept for the next time",
	)
	flags.BoolVar(
		&o.now,
		"now",
		false,
		"refuse libraries with undefined functions, as LD_BIND_NOW does",
	)
	flags.BoolVar(
		&o.loops,
		"loop-safepoints",
		false,
		"make every loop a safepoint (see linker.Config)",
	)
	return cmd
}

func (o *runOptions) run(cmd *cobra.Command, args []string) (err error) {
	ctx := cmd.Context()
	at, err := o.libs.locate(args[0])
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	logger, err := tracer(cmd.ErrOrStderr(), o.trace, at.names())
	if err != nil {
		return err
	}
	set, err := o.settings(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.close()) }()
	out := ran{Program: args[0]}
	stdout := cmd.OutOrStdout()
	if result.AsJSON(cmd) { // what the program prints is a part of the one value
		stdout = &out.stdout
	}
	main, err := os.ReadFile(args[0])
	if err != nil {
		return o.fail(cmd, &out, statusUnfound, err, "", at)
	}
	rc := linker.NewRuntimeConfig()
	if o.cache != "" {
		cache, err := wazero.NewCompilationCacheWithDir(o.cache)
		if err != nil {
			return fmt.Errorf("run: --cache: %w", err)
		}
		defer func() { err = errors.Join(err, cache.Close(context.WithoutCancel(ctx))) }()
		rc = rc.WithCompilationCache(cache)
	}
	process.Unsupervised()
	rt := wazero.NewRuntimeWithConfig(ctx, rc)
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	config := linker.NewConfig().WithSearchPath(at.dirs...).WithPreload(o.libs.preload...).
		WithMainName(args[0]).WithNow(o.now).WithLoopSafepoints(o.loops).WithLogger(logger)
	start := set.wasi
	if m, err := modinfo.Read(main); err == nil && m.Emscripten() {
		start = set.emscripten
	}
	p, err := start(ctx, rt, main, config, at, streams{stdout, cmd.ErrOrStderr()})
	if err != nil {
		return o.fail(cmd, &out, statusUnfound, err, mainHint(main), at)
	}
	defer func() { err = errors.Join(err, p.close(context.WithoutCancel(ctx))) }()
	code, err := p.run(ctx)
	var exit *sys.ExitError
	var undefined *linker.UndefinedSymbolError
	switch {
	case err == nil:
		return out.end(cmd, int(code))
	case ctx.Err() != nil:
		return err
	case errors.As(err, &exit):
		return out.end(cmd, int(exit.ExitCode()))
	case errors.As(err, &undefined) && undefined.Symbol == "_start" && undefined.Module == "":
		return o.fail(cmd, &out, statusUnfound, errNoCommand, mainHint(main), at)
	}
	return o.fail(cmd, &out, statusTrap, err, "", at)
}

// ran is a program that was run, as JSON shows it.
type ran struct {
	Program string `json:"program"`
	Status  int    `json:"status"`
	Stdout  string `json:"stdout"`
	Error   string `json:"error,omitempty"` // why it did not run to its end
	Hint    string `json:"hint,omitempty"`

	stdout bytes.Buffer
}

// end shows how the program ended, if JSON is wanted. Its status is the command's.
func (r *ran) end(cmd *cobra.Command, status int) error {
	r.Status, r.Stdout = status, r.stdout.String()
	if err := result.Show(cmd, r, func(io.Writer) {}); err != nil || status == 0 {
		return err
	}
	return statusError(status)
}

// errNoCommand means that a main module has no function to begin with.
var errNoCommand = errors.New(
	"not a program: it exports no _start (without main in the source, or a library: those " +
		"are for --preload, and for dlopen in a program)",
)

// fail says why the program did not run to its end. The status is then the command's.
func (o *runOptions) fail(cmd *cobra.Command, out *ran, status int, err error, hint string,
	at located) error {
	text := at.names().Replace(err.Error())
	if !strings.Contains(text, cmd.Flags().Arg(0)) {
		text = cmd.Flags().Arg(0) + ": " + text
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "lockstep: run:", text)
	if hint != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "hint:", hint)
	}
	out.Error, out.Hint = text, hint
	return out.end(cmd, status)
}

// mainHint is what is probably wrong with a main module.
func mainHint(main []byte) string {
	m, err := modinfo.Read(main)
	if err != nil {
		return ""
	}
	return strings.Join(m.Hints, "\nhint: ")
}

// tracer makes a logger of the topics that are wanted, nil if none are.
func tracer(w writer, topics []string, names *strings.Replacer) (*slog.Logger, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	h := &traceHandler{w: w, names: names, topics: map[string]bool{}}
	for _, t := range topics {
		switch t {
		case "all":
			for _, t := range traceTopics() {
				h.topics[t] = true
			}
		case linker.LogFiles, linker.LogBindings, linker.LogSymbols, linker.LogGroups:
			h.topics[t] = true
		default:
			return nil, argumentError{"run", fmt.Sprintf("--trace: no topic %q: want %s or all",
				t, strings.Join(traceTopics(), ", "))}
		}
	}
	return slog.New(h), nil
}

func traceTopics() []string {
	return []string{linker.LogFiles, linker.LogBindings, linker.LogSymbols, linker.LogGroups}
}
