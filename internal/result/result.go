// Package result prints what commands have found, for people or as JSON.
package result

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// Flag adds the flag --json to a command and all that belong to it.
func Flag(cmd *cobra.Command) {
	cmd.PersistentFlags().Bool("json", false, "print the result as JSON, one value")
}

// AsJSON tells whether the command was asked for JSON.
func AsJSON(cmd *cobra.Command) bool {
	wanted, err := cmd.Flags().GetBool("json")
	return err == nil && wanted
}

// Show prints the result of a command: value if JSON is wanted, what text writes otherwise.
func Show(cmd *cobra.Command, value any, text func(w io.Writer)) error {
	if !AsJSON(cmd) {
		text(cmd.OutOrStdout())
		return nil
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}
