package tlc

import (
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla"
)

func newGenerateCommand(dirs *folders) *cobra.Command {
	return &cobra.Command{
		Use: "generate",
		Short: "Write what is made from the list of actions: a table in Go, and wrappers " +
			"for traces",
		Example: "  lockstep tlc generate",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if dirs.built {
				return errBuiltIn
			}
			if err := generate(dirs.specs); err != nil {
				return err
			}
			written := []string{filepath.Join(dirs.specs, tla.WrappersFile),
				filepath.Join(dirs.specs, tla.ActionsFile)}
			return result.Show(command, written, func(io.Writer) {})
		},
	}
}

// generate writes the files that are made from Step, where they lie beside the specification.
func generate(dir string) error {
	spec, err := tla.LoadSpecification(os.DirFS(dir), guardedModule)
	if err != nil {
		return err
	}
	table, err := tla.GoActions(spec)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, tla.WrappersFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	wrappers, err := tla.WithTraceActions(string(text), spec)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(wrappers), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, tla.ActionsFile), []byte(table), 0o644)
}
