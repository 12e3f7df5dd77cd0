package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/internal/version"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages of all commands to a folder",
		Long: `man writes a manual page for the command and for each of its parts, made of what
"lockstep help" shows, to a folder, which it makes. man(1) finds them in the folder man1 of one that
MANPATH names.`,
		Example: `  lockstep man ~/.local/share/man/man1 && man lockstep-run`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("man: %w", err)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // it would name the library
			header := &doc.GenManHeader{
				Section: "1",
				Source:  "Lockstep " + version.Number,
				Manual:  "Lockstep",
			}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("man: %w", err)
			}
			pages, err := filepath.Glob(filepath.Join(args[0], "lockstep*.1"))
			if err != nil {
				return fmt.Errorf("man: %w", err)
			}
			return result.Show(cmd, pages, func(w io.Writer) {
				fmt.Fprintf(w, "%s: %d pages\n", args[0], len(pages))
			})
		},
	}
}
