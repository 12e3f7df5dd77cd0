package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/lincheck"
)

func judgeCommand() *cobra.Command {
	var picture string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "judge FILE…",
		Short: "Judge histories that were recorded before",
		Long: `judge reads recorded histories and tells of each whether it is linearizable: "ok", "violation" with the operations that
show it, or "undecided" with the limit that was reached. In the end it says how long reading and judging took, and the most memory that
it had at any time. The exit status is 0 only if all are ok.`,
		Example: `  lockstep record --operations 10000 --output history.jsonl
  lockstep judge --picture history.html history.jsonl`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
			good := true
			var reading, judging time.Duration
			for _, name := range args {
				begun := time.Now()
				h, err := readHistory(name)
				if err != nil {
					return err
				}
				read := time.Now()
				result := lincheck.Judge(h, lincheck.Limits{Timeout: timeout})
				reading, judging = reading+read.Sub(begun), judging+time.Since(read)
				good = good && result.Verdict == lincheck.OK
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d operations: %s\n", name, len(h.Operations), result)
				if picture != "" {
					if err := writePicture(picture, result); err != nil {
						return err
					}
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "read in %s, judged in %s; peak memory %d MiB\n",
				reading.Round(time.Millisecond), judging.Round(time.Millisecond), peakMemory()>>20)
			if !good {
				return errVerdict
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&picture, "picture", "", "file for an HTML page with the (last) history")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "time for one history")
	return cmd
}

func readHistory(name string) (*lincheck.History, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	defer file.Close()
	h, err := lincheck.ReadHistory(file)
	if err != nil {
		return nil, fmt.Errorf("judge: %s: %w", name, err)
	}
	return h, nil
}

func writePicture(name string, result lincheck.Result) error {
	if err := writeFile(name, result.WritePicture); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	return nil
}
