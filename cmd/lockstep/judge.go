package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/lincheck"
)

// judged is what came of one history.
type judged struct {
	File       string `json:"file"`
	Operations int    `json:"operations"`
	// ok, violation, undecided; unreadable for a file that is no history
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	// by both ways, if that was asked for
	Compared *comparison `json:"compared,omitempty"`
}

// judgement is the result of "judge".
type judgement struct {
	Histories []judged      `json:"histories"`
	Reading   time.Duration `json:"reading_ns"`
	Judging   time.Duration `json:"judging_ns"`
	Memory    uint64        `json:"peak_memory_bytes"`
}

const unreadable = "unreadable"

func judgeCommand() *cobra.Command {
	var picture, by string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "judge FILE…",
		Short: "Judge histories that were recorded before",
		Long: `judge reads recorded histories and tells of each whether it is linearizable: "ok",
"violation" with the operations that show it, or "undecided" with the limit that was reached. A
file that cannot be read does not keep the others from being judged. In the end it says how long
reading and judging took, and the most memory that it had at any time.

--by says what histories are judged by. "model", the default, is the sequential model in Go: by
the commit numbers, or by searching with porcupine where there are none. "specification" is the
text of tla/LinkerResults.tla, which has words for what "lockstep record --names" records; commit
numbers are not looked at. "both" compares the two without commit numbers: the verdicts, which
must agree, the processor time, and the memory that was allocated.

The exit status is 0 only if all are ok: 2 if a file could not be read, otherwise 1.`,
		Example: `  lockstep record --operations 10000 --output history.jsonl
  lockstep judge --picture history.html history.jsonl
  lockstep record --names --operations 2000 -o names.jsonl && lockstep judge --by both names.jsonl`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			way, err := wayOf(by)
			if err != nil {
				return err
			}
			if picture != "" && by != byModel {
				return argumentError{"judge", "--picture is drawn of what the model judges only"}
			}
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
			var page *resultFile
			if picture != "" {
				if page, err = openResult(picture); err != nil {
					return fmt.Errorf("judge: %w", err)
				}
				defer page.close()
			}
			return judge(cmd, args, page, way, timeout)
		},
	}
	cmd.Flags().StringVar(
		&picture,
		"picture",
		"",
		"file for an HTML page with the last history that can be drawn",
	)
	cmd.Flags().StringVar(&by, "by", byModel, "model, specification or both")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "time for one history")
	return cmd
}

func judge(cmd *cobra.Command, files []string, page *resultFile, by wayToJudge,
	timeout time.Duration) error {
	var all judgement
	var last *lincheck.Result
	good, failed := true, error(nil)
	for _, name := range files {
		if cmd.Context().Err() != nil {
			break
		}
		begun := time.Now()
		h, err := readHistory(name)
		read := time.Now()
		all.Reading += read.Sub(begun)
		if err != nil {
			failed = reportFile(cmd, failed, fmt.Errorf("judge: %w", err))
			all.Histories = append(
				all.Histories,
				judged{File: name, Verdict: unreadable, Reason: err.Error()},
			)
			continue
		}
		found, compared := by(h, lincheck.Limits{Timeout: timeout})
		all.Judging += time.Since(read)
		good = good && found.Verdict == lincheck.OK && compared.agrees()
		j := judged{
			File:       name,
			Operations: len(h.Operations),
			Verdict:    found.Verdict.String(),
			Reason:     found.Explanation,
			Compared:   compared,
		}
		if found.Err != nil {
			j.Reason = found.Err.Error()
		} else {
			last = &found
		}
		all.Histories = append(all.Histories, j)
		if !result.AsJSON(cmd) {
			fmt.Fprintf(
				cmd.OutOrStdout(),
				"%s: %d operations: %s\n",
				name,
				len(h.Operations),
				found,
			)
			compared.write(cmd.OutOrStdout())
		}
	}
	if failed != nil && len(all.Histories) == 1 && !result.AsJSON(cmd) {
		return failed
	}
	all.Memory = peakMemory()
	if err := result.Show(cmd, all, func(w io.Writer) {
		fmt.Fprintf(w, "read in %s, judged in %s; peak memory %d MiB\n",
			all.Reading.Round(time.Millisecond), all.Judging.Round(time.Millisecond),
			all.Memory>>20)
	}); err != nil {
		return err
	}
	if page != nil && last != nil {
		if err := page.commit(last.WritePicture); err != nil {
			return fmt.Errorf("judge: picture: %w", err)
		}
	}
	switch {
	case failed != nil:
		return failed
	case !good:
		return errVerdict
	}
	return nil
}

func readHistory(name string) (*lincheck.History, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	h, err := lincheck.ReadHistory(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return h, nil
}
