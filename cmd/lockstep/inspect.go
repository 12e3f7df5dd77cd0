package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

func inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "inspect FILE…",
		Short:   "Show the dylink section, imports and exports of modules",
		Example: `  lockstep inspect linker/testdata/threads/librpath.wasm`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for i, name := range args {
				if i > 0 {
					fmt.Fprintln(cmd.OutOrStdout())
				}
				if err := inspect(cmd, name); err != nil {
					return fmt.Errorf("inspect: %s: %w", name, err)
				}
			}
			return nil
		},
	}
}

func inspect(cmd *cobra.Command, name string) error {
	bytes, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return show(cmd.Context(), cmd.OutOrStdout(), name, bytes)
}

// show prints what is in a module.
func show(ctx context.Context, out io.Writer, name string, bytes []byte) (err error) {
	if err := linker.Check(bytes); err != nil { // the engine trusts what a module says of its size
		return err
	}
	info, err := dylink.Read(bytes)
	switch {
	case errors.Is(err, dylink.ErrNotLibrary):
		fmt.Fprintf(out, "%s: an ordinary module (no dylink section)\n", name)
	case err != nil:
		return err
	default:
		describe(out, name, info)
	}
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	compiled, err := rt.CompileModule(ctx, bytes)
	if err != nil {
		return err
	}
	symbols(out, compiled)
	return nil
}

// describe prints what the dylink section says.
func describe(out io.Writer, name string, info *dylink.Info) {
	kind := "dylink.0"
	if info.Legacy {
		kind = "dylink (the older section)"
	}
	fmt.Fprintf(out, "%s: a shared library, %s\n", name, kind)
	fmt.Fprintf(out, "  memory  %d bytes, aligned to %d\n", info.MemorySize, uint64(1)<<info.MemoryAlignment)
	fmt.Fprintf(out, "  table   %d entries, aligned to %d\n", info.TableSize, uint64(1)<<info.TableAlignment)
	for _, needed := range info.Needed {
		fmt.Fprintf(out, "  needs   %s\n", needed)
	}
	for _, path := range info.RuntimePath {
		fmt.Fprintf(out, "  path    %s\n", path)
	}
	for _, e := range info.Exports {
		fmt.Fprintf(out, "  export  %s: %s\n", e.Name, e.Flags)
	}
	for _, i := range info.Imports {
		fmt.Fprintf(out, "  import  %s.%s: %s\n", i.Module, i.Field, i.Flags)
	}
}

// symbols prints the functions that a module imports and exports.
func symbols(out io.Writer, m wazero.CompiledModule) {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"", "function", "type"})
	for _, f := range m.ImportedFunctions() {
		module, name, _ := f.Import()
		t.AppendRow(table.Row{"import", module + "." + name, signature(f)})
	}
	exported := m.ExportedFunctions()
	for _, name := range sortedKeys(exported) {
		t.AppendRow(table.Row{"export", name, signature(exported[name])})
	}
	t.Render()
}

func signature(f api.FunctionDefinition) string {
	return (&linker.FunctionType{Params: f.ParamTypes(), Results: f.ResultTypes()}).String()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
