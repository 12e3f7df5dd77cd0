package tlc

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/tla"
)

func newGenerateCommand(dirs *folders) *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{textOnly: "yes"},
		Use:         "generate",
		Short: "Write what is made from the list of actions: a table in Go, and wrappers " +
			"for traces",
		Example: "  lockstep tlc generate",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if dirs.built {
				return errBuiltIn
			}
			return generate(dirs.specs)
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
