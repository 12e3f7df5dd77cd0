package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// row is a line of the table.
type row struct {
	name    string
	most    float64 // the ratio that is wanted at most
	measure func(m *meter) error
}

// result is a row that was measured. A row of several pairs compares ratios: each pair but the
// first with it.
type result struct {
	row
	pairs   []pair
	missing missing // why there is none
}

// writer makes a table of the form that all tables of the command have.
func writer(header ...any) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(header)
	return t
}

func resultTable(results []result) string {
	t := writer("what", "compared with", "peer", "linker", "ratio", "wanted", "")
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 3, Align: text.AlignRight}, {Number: 4, Align: text.AlignRight},
		{Number: 5, Align: text.AlignRight},
	})
	for _, r := range results {
		wanted := fmt.Sprintf("≤ %g ×", r.most)
		if r.missing != "" {
			t.AppendRow(table.Row{r.name, r.missing.Error(), "", "", "", wanted, "not measured"})
		}
		for _, p := range r.pairs {
			ratio, want := p.ratio(), wanted
			judged := verdict(ratio, r.most)
			if p.stated {
				want, judged = "", "stated"
			}
			t.AppendRow(table.Row{r.name, p.peer, duration(median(p.peerNS)),
				duration(median(p.ownNS)), times(ratio),
				want, judged})
		}
	}
	t.SetCaption("Medians of interleaved samples, %s; of grammars, of the process;\n"+
		"of TLC and the explorer, wall-clock time.", clock)
	return t.Render()
}

func times(ratio float64) string {
	if ratio < 0.1 {
		return fmt.Sprintf("%.3f ×", ratio)
	}
	return fmt.Sprintf("%.2f ×", ratio)
}

// duration writes nanoseconds in a unit that fits.
func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	}
	return fmt.Sprintf("%.1f ms", ns/1e6)
}

func verdict(got, most float64) string {
	if got > most {
		return "not reached"
	}
	return "reached"
}
