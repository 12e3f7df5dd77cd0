package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/ianlancetaylor/demangle"
	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

func infoCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "info FILE…",
		Aliases: []string{"inspect"},
		Short:   "Show what modules export and need, as readelf -d and nm -D do",
		Long: `info shows the dylink section of modules, their memory, table and thread-local
storage, and every symbol that they export or import: functions with their signatures, data with
its address within the module, pointers and addresses that are taken (GOT.func, GOT.mem),
exception tags. C++ names are shown readable as well. Hints say what is probably not meant.
Nothing is compiled or run.`,
		Example: `  lockstep info plugin.wasm
  lockstep info --json plugin.wasm | jq '.[0].exports[].name'`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: wasmFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			type described struct {
				File string `json:"file"`
				*modinfo.Module
			}
			var all []described
			var failed error
			for _, name := range args {
				bytes, err := os.ReadFile(name)
				if err != nil {
					failed = reportFile(cmd, failed, fmt.Errorf("info: %w", err))
					continue
				}
				m, err := modinfo.Read(bytes)
				if err != nil {
					failed = reportFile(cmd, failed, fmt.Errorf("info: %s: %w", name, err))
					continue
				}
				all = append(all, described{name, m})
			}
			if failed != nil && len(all) == 0 {
				return failed
			}
			if err := result.Show(cmd, all, func(w io.Writer) {
				for i, d := range all {
					if i > 0 {
						fmt.Fprintln(w)
					}
					writeInfo(w, d.File, d.Module)
				}
			}); err != nil {
				return err
			}
			return failed
		},
	}
}

// reportFile says what is wrong with one of several files, so that the others can be looked at. It
// returns the error that the command ends with: the last one, which is not printed here.
func reportFile(cmd *cobra.Command, before, err error) error {
	if before != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "lockstep:", before)
	}
	return err
}

// wasmFiles completes the names of modules.
func wasmFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"wasm", "so"}, cobra.ShellCompDirectiveFilterFileExt
}

func writeInfo(w io.Writer, name string, m *modinfo.Module) {
	section := ""
	switch {
	case m.Older:
		section = ", dylink (the older section)"
	case m.Form == modinfo.Library || m.Form == modinfo.PIE:
		section = ", dylink.0"
	}
	fmt.Fprintf(w, "%s: %s%s, %d bytes\n", name, m.Form, section, m.Bytes)
	for _, n := range m.Needed {
		fmt.Fprintf(w, "  needed  %s\n", n)
	}
	for _, p := range m.Path {
		fmt.Fprintf(w, "  path    %s\n", p)
	}
	if section != "" {
		fmt.Fprintf(w, "  data    %d bytes, aligned to %d\n", m.Data, m.Align)
		fmt.Fprintf(w, "  table   %d entries of its own\n", m.Entries)
	}
	if m.TLS > 0 {
		fmt.Fprintf(w, "  tls     %d bytes in every thread\n", m.TLS)
	}
	if m.Form == modinfo.Library && m.Allocator {
		fmt.Fprintln(w, "  main    it has malloc and free: it can be the main module as well")
	}
	if m.Shared {
		fmt.Fprintln(w, "  memory  shared: built for threads")
	}
	for _, h := range m.Hints {
		fmt.Fprintf(w, "  hint    %s\n", h)
	}
	writeSymbols(w, "exports", m.Exports)
	writeSymbols(w, "imports", m.Imports)
}

func writeSymbols(w io.Writer, title string, list []modinfo.Symbol) {
	if len(list) == 0 {
		fmt.Fprintf(w, "no %s\n", title)
		return
	}
	fmt.Fprintf(w, "%s:\n", title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range list {
		name := s.Name
		if s.Namespace != "" && s.Kind != modinfo.Pointer && s.Kind != modinfo.Address {
			name = s.Namespace + "." + s.Name
		}
		what := []string{s.Type}
		if s.Value != "" {
			what = append(what, s.Value)
		}
		if s.Weak {
			what = append(what, "weak")
		}
		if s.Again {
			what = append(what, "of another module")
		}
		if s.Flags != "" {
			what = append(what, s.Flags)
		}
		if readable := demangle.Filter(s.Name); readable != s.Name {
			what = append(what, readable)
		}
		line := strings.TrimSpace(strings.Join(what, "  "))
		fmt.Fprintf(t, "  %s\t%s\t%s\n", s.Kind, printable(name), line)
	}
	t.Flush() // an error is the output's, which remembers it
}

// printable is a name as a module has it, on one line of a terminal.
func printable(name string) string {
	for _, r := range name {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return fmt.Sprintf("%q", name)
		}
	}
	return name
}
