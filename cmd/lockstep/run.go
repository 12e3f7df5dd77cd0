package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

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
variables that it is given. It loads further libraries by dlopen, from the same search path.

--trace tells what the linker does, on standard error, as LD_DEBUG makes ld.so tell it: files,
bindings, symbols, groups, or all.

The exit status is the program's; 126 if it trapped, 127 if it could not be loaded. The error then
names the module and the function, or the symbol.`,
		Example: `  lockstep run program.wasm argument
  lockstep run --lib lib --dir .:/work --env LANG=C program.wasm
  lockstep run --trace=files,bindings program.wasm`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: wasmFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if result.AsJSON(cmd) {
				return argumentError{
					"run",
					"has no result to print as JSON: what is printed is the program's",
				}
			}
			return o.run(cmd, args)
		},
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

// wasi is what the program sees of this process.
func (o *runOptions) wasi(cmd *cobra.Command, args []string) (wazero.ModuleConfig, error) {
	files := wazero.NewFSConfig()
	for _, m := range o.mount {
		host, guest, ok := strings.Cut(m, ":")
		if !ok {
			guest = host
		}
		if info, err := os.Stat(host); err != nil {
			return nil, fmt.Errorf("run: --dir: %w", err)
		} else if !info.IsDir() {
			return nil, argumentError{"run", "--dir: " + host + " is not a folder"}
		}
		files = files.WithDirMount(host, guest)
	}
	config := wazero.NewModuleConfig().WithArgs(args...).WithFSConfig(files).
		WithStdin(os.Stdin).WithStdout(cmd.OutOrStdout()).WithStderr(cmd.ErrOrStderr()).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().WithRandSource(random{})
	for _, e := range o.env {
		name, value, ok := strings.Cut(e, "=")
		if !ok {
			value = os.Getenv(name)
		}
		if name == "" {
			return nil, argumentError{"run", "--env: no name in " + e}
		}
		config = config.WithEnv(name, value)
	}
	return config, nil
}

func (o *runOptions) run(cmd *cobra.Command, args []string) (err error) {
	ctx := cmd.Context()
	guest, err := o.wasi(cmd, args)
	if err != nil {
		return err
	}
	at, err := o.libs.locate(args[0])
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	logger, err := tracer(cmd.ErrOrStderr(), o.trace, at.names())
	if err != nil {
		return err
	}
	main, err := os.ReadFile(args[0])
	if err != nil {
		return o.fail(cmd, statusUnfound, err, "", at)
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
	rt := wazero.NewRuntimeWithConfig(ctx, rc)
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	config := linker.NewConfig().WithFS(
		at.fsys,
	).WithSearchPath(
		at.dirs...).WithPreload(
		o.libs.preload...).
		WithMainName(
			args[0],
		).WithModuleConfig(
		guest,
	).WithNow(
		o.now,
	).WithLoopSafepoints(
		o.loops,
	).WithLogger(
		logger,
	)
	l, err := linker.New(ctx, rt, main, config)
	if err != nil {
		return o.fail(cmd, statusUnfound, err, mainHint(main), at)
	}
	defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
	code, err := l.Run(ctx)
	var exit *sys.ExitError
	var undefined *linker.UndefinedSymbolError
	switch {
	case err == nil && code == 0:
		return nil
	case err == nil:
		return statusError(code)
	case ctx.Err() != nil:
		return err
	case errors.As(err, &exit):
		return statusError(exit.ExitCode())
	case errors.As(err, &undefined) && undefined.Symbol == "_start" && undefined.Module == "":
		return o.fail(cmd, statusUnfound, errNoCommand, mainHint(main), at)
	}
	return o.fail(cmd, statusTrap, err, "", at)
}

// errNoCommand means that a main module has no function to begin with.
var errNoCommand = errors.New(
	"not a program: it exports no _start (without main in the source, or a library: those " +
		"are for --preload, and for dlopen in a program)",
)

// fail says why the program did not run to its end. The status is then the command's.
func (o *runOptions) fail(
	cmd *cobra.Command,
	status int,
	err error,
	hint string,
	at located,
) error {
	text := at.names().Replace(err.Error())
	if !strings.Contains(text, cmd.Flags().Arg(0)) {
		text = cmd.Flags().Arg(0) + ": " + text
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "lockstep: run:", text)
	if hint != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "hint:", hint)
	}
	return statusError(status)
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
