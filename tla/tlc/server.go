package tlc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla"
)

func newServerCommand(dirs *folders) *cobra.Command {
	var dry bool
	command := &cobra.Command{
		Example: "  lockstep tlc server large --dry-run",
		Use:     "server NAME",
		Short:   "Start the server of TLC's distributed mode for a large model",
		Long: `Start the server of TLC's distributed mode for a large model.

The server hands out states to workers. On every machine that is to help, with the same jar, run

	java -cp tla2tools.jar tlc2.tool.distributed.TLCWorker SERVER

and, to hold the fingerprints elsewhere too, tlc2.tool.distributed.fp.DistributedFPSet; then pass
-Dtlc2.tool.distributed.TLCServer.expectedFPSetCount=N to the server. Liveness cannot be checked
this way. What the server prints is not compared with the record.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			suite, err := dirs.suite()
			if err != nil {
				return err
			}
			m, err := suite.Model(args[0])
			if err != nil {
				return err
			}
			if m.Kind == tla.KindLiveness || m.Kind == tla.KindSimulation {
				return fmt.Errorf("%w: model %s", errSafety, m.Name)
			}
			tool, err := dirs.tool(command.Context(), command)
			if err != nil {
				return err
			}
			serverArgs := []string{"-config", filepath.FromSlash(m.Config), m.Module + ".tla"}
			if !m.Deadlock {
				serverArgs = append([]string{"-deadlock"}, serverArgs...)
			}
			return startServer(command, dirs, tool, serverArgs, dry)
		},
	}
	command.Flags().BoolVar(&dry, "dry-run", false, "print the command instead of running it")
	return command
}

// started is the server's command, as JSON shows it.
type started struct {
	Folder  string   `json:"folder"`
	Command []string `json:"command"`
}

func startServer(command *cobra.Command, dirs *folders, tool tla.Tool, args []string,
	dry bool) (err error) {
	if dry {
		server, err := tool.Server(command.Context(), os.TempDir(), args...)
		if err != nil {
			return err
		}
		return result.Show(command, started{dirs.specs, server.Args}, func(w io.Writer) {
			fmt.Fprintf(w, "cd %s && %s\n", dirs.specs, strings.Join(server.Args, " "))
		})
	}
	temporary, err := os.MkdirTemp("", "lockstep-tlc-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	server, err := tool.Server(command.Context(), temporary,
		append([]string{"-metadir", filepath.Join(temporary, "states")}, args...)...)
	if err != nil {
		return err
	}
	fmt.Fprintf(progressOf(command), "cd %s && %s\n", dirs.specs, strings.Join(server.Args, " "))
	server.Dir = dirs.specs
	server.Stdout, server.Stderr = progressOf(command), command.ErrOrStderr()
	if err := server.Run(); err != nil {
		return err
	}
	return result.Show(command, started{dirs.specs, server.Args}, func(io.Writer) {})
}
