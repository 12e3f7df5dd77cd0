package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/include"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/internal/unpack"
)

// Names under which clang is looked for, the best first.
func clangs(name string) []string {
	names := []string{name + "-22", name + "-21", name + "-20", name + "-19", name}
	if sdk := os.Getenv("WASI_SDK_PATH"); sdk != "" {
		names = append([]string{filepath.Join(sdk, "bin", name)}, names...)
	}
	return names
}

// compilerCommand is "cc", or "c++".
func compilerCommand(cplusplus bool) *cobra.Command {
	name, clang, variable, source := "cc", "clang", "CLANG", "c"
	if cplusplus {
		name, clang, variable, source = "c++", "clang++", "CLANGXX", "cc"
	}
	return &cobra.Command{
		Use:   name + " [-shared] [-threads] [-small] [-c] [-o OUT] FILE… [FLAG…]",
		Short: "Compile a library or a program with clang and the right flags",
		Long: `compiles with clang and wasm-ld, with the flags that a library (-shared) or a main
module needs, and prints the command that it runs. All other flags are clang's. C code that calls
dlopen includes <lockstep/dlfcn.h>, which is found.

  -shared   a shared library; without it a main module, which exports what libraries may need
  -threads  built for threads (libraries.MainLibc is): a shared memory and atomics
  -small    a main module with only that much of libc as it needs itself, instead of all of it
  -c        object files only, fit for either
  --json    print the command and its status as JSON; what the compiler prints goes to stderr

The compiler is the one that $` + variable + ` names, that of $WASI_SDK_PATH, or the newest
` + clang + ` on PATH. The exit status is the compiler's.`,
		Example: `  lockstep ` + name + ` -shared -o plugin.wasm plugin.` + source + `
  lockstep ` + name + ` -o program.wasm program.` + source + ` && lockstep run program.wasm`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || slices.Contains(args, "--help") || slices.Contains(args, "-h") {
				if len(args) == 0 {
					return argumentError{name, "no file to compile: see lockstep help " + name}
				}
				return cmd.Help()
			}
			compiler := os.Getenv(variable)
			if compiler == "" {
				compiler = firstProgram(clangs(clang))
			}
			if compiler == "" {
				return &noCompilerError{command: name, clang: clang}
			}
			headers, err := unpack.Folder(include.FS, "include")
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if slices.Contains(args, "--json") { // flags are not parsed: all but a few are clang's
				if err := cmd.Flags().Set("json", "true"); err != nil {
					return err
				}
			}
			return runCompiler(cmd, name, compiler, compilerFlags(args, headers))
		},
	}
}

// noCompilerError says what to install.
type noCompilerError struct{ command, clang string }

// Error implements the error interface.
func (e *noCompilerError) Error() string {
	return fmt.Sprintf(`%s: no %s on PATH. Install a compiler for WebAssembly:
  Debian, Ubuntu (https://apt.llvm.org): apt-get install clang-22 lld-22 wasi-libc \
      libclang-rt-22-dev-wasm32 libc++-22-dev-wasm32
  elsewhere: wasi-sdk (https://github.com/WebAssembly/wasi-sdk), and set WASI_SDK_PATH`,
		e.command, e.clang)
}

// firstProgram returns the first of some programs that there is, or "".
func firstProgram(names []string) string {
	for _, n := range names {
		if path, err := exec.LookPath(n); err == nil {
			return path
		}
	}
	return ""
}

// compilerFlags turns the command's arguments into those of clang.
func compilerFlags(args []string, headers string) []string {
	has := func(prefix string) bool {
		return slices.ContainsFunc(
			args,
			func(a string) bool { return strings.HasPrefix(a, prefix) },
		)
	}
	shared, only := slices.Contains(args, "-shared"), slices.Contains(args, "-c")
	threads := slices.Contains(args, "-threads")
	flags := []string{
		"--target=wasm32-wasi",
		"-Wno-deprecated",
		"-fvisibility=default",
		"-I" + headers,
	}
	if has("--target") {
		flags = flags[1:]
	}
	if !has("-O") {
		flags = append(flags, "-O2")
	}
	if threads {
		flags = append(flags, "-matomics", "-mbulk-memory")
	}
	if slices.ContainsFunc(args, isBitcode) { // of rustc or zig: it has a target, and no includes
		flags = append(flags, "-Wno-override-module", "-Wno-unused-command-line-argument")
	}
	switch {
	case only:
		flags = append(flags, "-fPIC")
	case shared:
		flags = append(flags, "-fPIC", "-nostdlib",
			"-Wl,--no-entry,--experimental-pic,--unresolved-symbols=import-dynamic")
	default:
		flags = append(flags, "-nostartfiles", "--no-wasm-opt",
			"-Wl,--export-all,--export-table,--growable-table")
		if !slices.Contains(args, "-small") {
			flags = append(flags, "-Wl,--whole-archive", "-lc", "-Wl,--no-whole-archive")
		}
		if !has("-g") {
			flags = append(flags, "-Wl,--strip-debug")
		}
	}
	if threads && !only {
		flags = append(flags, "-Wl,--shared-memory,--max-memory=4294967296")
		if shared { // so that each thread can have its thread-local data
			for _, s := range []string{"wasm_init_tls", "tls_size", "tls_align", "tls_base"} {
				flags = append(flags, "-Wl,--export-if-defined=__"+s)
			}
		}
	}
	for _, a := range args {
		if a != "-threads" && a != "-small" && a != "--json" {
			flags = append(flags, a)
		}
	}
	if !shared && !only {
		flags = append(flags, "-xc", filepath.Join(headers, "lockstep", "start.c"))
	}
	return flags
}

// isBitcode tells whether a file has LLVM's bitcode, by its name.
func isBitcode(file string) bool {
	return slices.Contains([]string{".bc", ".ll"}, filepath.Ext(file))
}

// compiled is a command that was run, as JSON shows it.
type compiled struct {
	Command []string `json:"command"`
	Status  int      `json:"status"`
}

// runCompiler runs a command that it prints. The compiler's status is the command's.
func runCompiler(cmd *cobra.Command, name, compiler string, flags []string) error {
	stdout := cmd.OutOrStdout()
	if result.AsJSON(cmd) {
		stdout = cmd.ErrOrStderr()
	}
	fmt.Fprintln(cmd.ErrOrStderr(), shellLine(compiler, flags))
	c := exec.CommandContext(cmd.Context(), compiler, flags...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, stdout, cmd.ErrOrStderr()
	err := c.Run()
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) && cmd.Context().Err() == nil {
		done := compiled{append([]string{compiler}, flags...), c.ProcessState.ExitCode()}
		if err := result.Show(cmd, done, func(io.Writer) {}); err != nil {
			return err
		}
	}
	switch {
	case err == nil:
		return nil
	case cmd.Context().Err() != nil:
		return err
	case errors.As(err, &exit):
		if !hasLinker(cmd.Context(), compiler) {
			fmt.Fprintf(
				cmd.ErrOrStderr(),
				"lockstep: %s: %s has no wasm-ld: install lld (Debian: lld-22)\n",
				name,
				compiler,
			)
		}
		return statusError(exit.ExitCode())
	}
	return fmt.Errorf("%s: %w", name, err)
}

// hasLinker tells whether a compiler has a linker for WebAssembly.
func hasLinker(ctx context.Context, compiler string) bool {
	out, err := exec.CommandContext(
		ctx,
		compiler,
		"--target=wasm32-wasi",
		"-print-prog-name=wasm-ld",
	).Output()
	if err != nil {
		return true // it is no clang that could tell
	}
	_, err = exec.LookPath(strings.TrimSpace(string(out)))
	return err == nil
}

// shellLine is a command as one can type it.
func shellLine(program string, args []string) string {
	var words []string
	for _, a := range append([]string{program}, args...) {
		if strings.ContainsAny(a, " \t\n\"'`$\\*?[]{}()<>|&;#~!") || a == "" {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
