package tlc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// proveProgress proves the claims in time, and judges the mistakes that must break them.
func proveProgress(command *cobra.Command, dirs *folders, options proveOptions) error {
	fsys := os.DirFS(dirs.specs)
	p, err := proof.LoadProgress(fsys)
	if err != nil {
		return err
	}
	questions := p.Questions()
	if options.script {
		var asked []question
		for _, q := range questions {
			asked = append(asked, question{q.String(), p.Script(q)})
		}
		return showQuestions(command, asked)
	}
	z3, err := proof.FindSolver(command.Context(), options.limit)
	if err != nil {
		return err
	}
	verdicts, err := askAll(command.Context(), questions, options.jobs,
		func(ctx context.Context, q proof.Question) (proof.Verdict, error) {
			return p.Prove(ctx, z3, q)
		}, func(proof.Verdict) {})
	if err != nil {
		return err
	}
	mistakes, err := p.Mistakes()
	if err != nil {
		return err
	}
	judged, err := askAll(command.Context(), mistakes, options.jobs,
		func(ctx context.Context, m proof.ProgressMistake) (proof.MistakeResult, error) {
			return m.Judge(ctx, z3)
		}, func(r proof.MistakeResult) { fmt.Fprintln(progressOf(command), r) })
	if err != nil {
		return err
	}
	record := p.Record(z3, verdicts, judged)
	err = result.Show(command, record, func(w io.Writer) {
		t := newTable(w)
		t.AppendHeader(table.Row{"claim", "questions", "proved"})
		for _, c := range record.Claims {
			t.AppendRow(table.Row{c.Claim, c.Questions, c.Questions - len(c.Unproved)})
		}
		t.Render()
	})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(record.Claims,
		func(c proof.ClaimRecord) bool { return len(c.Unproved) > 0 }) ||
		slices.ContainsFunc(judged, proof.MistakeResult.Survives) {
		err = errUnproved
	}
	if !options.record {
		recorded, err2 := proof.LoadProgressRecord(fsys)
		if err2 != nil {
			return errors.Join(err, err2)
		}
		return errors.Join(err, p.CheckRecord(recorded))
	}
	data, err2 := record.JSON()
	if err2 != nil {
		return errors.Join(err, err2)
	}
	return errors.Join(err,
		os.WriteFile(filepath.Join(dirs.specs, proof.ProgressFile), data, 0o644))
}
