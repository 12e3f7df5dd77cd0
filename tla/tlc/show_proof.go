package tlc

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// question is what z3 is asked, as JSON shows it.
type question struct {
	Question string `json:"question"`
	Script   string `json:"script"` // SMT-LIB 2
}

func showQuestions(command *cobra.Command, all []question) error {
	return result.Show(command, all, func(w io.Writer) {
		for _, q := range all {
			fmt.Fprintln(w, q.Script)
		}
	})
}

// proved is an obligation and what became of it, as JSON shows it.
type proved struct {
	Property       string  `json:"property"`
	Action         string  `json:"action"`
	Proved         bool    `json:"proved"`
	Counterexample string  `json:"counterexample,omitempty"`
	Seconds        float64 `json:"seconds"`
}

func provedOf(results []proof.Result) []proved {
	all := []proved{}
	for _, r := range results {
		p := proved{Property: r.Obligation.Property, Action: r.Obligation.Action,
			Proved: r.Verdict == proof.Proved, Seconds: r.Time.Seconds()}
		if r.Counterexample != nil {
			p.Counterexample = fmt.Sprint(r.Counterexample)
		}
		all = append(all, p)
	}
	return all
}

// showProofs prints what failed, and a table with a row for each property.
func showProofs(w io.Writer, results []proof.Result) {
	type row struct {
		property            string
		obligations, proved int
		time                time.Duration
	}
	var rows []row
	for _, r := range results {
		if n := len(rows); n == 0 || rows[n-1].property != r.Obligation.Property {
			rows = append(rows, row{property: r.Obligation.Property})
		}
		last := &rows[len(rows)-1]
		last.obligations++
		last.time += r.Time
		switch {
		case r.Verdict == proof.Proved:
			last.proved++
		case r.Counterexample != nil:
			fmt.Fprintf(w, "not inductive: %v\n", r.Counterexample)
		default:
			fmt.Fprintf(w,
				"not proved within the limit, and no counterexample among a few groups: %v\n",
				r.Obligation)
		}
	}
	t := newTable(w)
	t.AppendHeader(table.Row{"property", "obligations", "proved", "time"})
	var sum row
	for _, r := range rows {
		t.AppendRow(table.Row{r.property, r.obligations, r.proved, r.time.Round(time.Millisecond)})
		sum.obligations, sum.proved, sum.time = sum.obligations+r.obligations, sum.proved+r.proved,
			sum.time+r.time
	}
	t.AppendFooter(table.Row{"", sum.obligations, sum.proved, sum.time.Round(time.Millisecond)})
	t.Render()
}
