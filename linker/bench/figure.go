package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// figure is a line of the second table: a number that stands for itself.
type figure struct {
	name    string
	unit    string  // inTime or inBytes
	most    float64 // what is wanted at most, in nanoseconds or bytes
	measure func(m *meter) (measured, error)
}

// measured are the samples of a figure.
type measured struct {
	samples []float64
	beside  string // what else was measured with it, for people
}

// Units of figures, as benchstat has them.
const (
	inTime  = "ns/op"
	inBytes = "B/op"
)

// taken is a figure that was measured, or why it was not.
type taken struct {
	figure
	measured
	missing missing
}

func (t taken) write(w io.Writer) error {
	name := benchName(t.name)
	for _, x := range t.samples {
		if _, err := fmt.Fprintf(w, "Benchmark%s 1 %.1f %s\n", name, x, t.unit); err != nil {
			return err
		}
	}
	return nil
}

func figureTable(all []taken) string {
	t := writer("figure", "measured", "wanted", "", "beside it")
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, Align: text.AlignRight}, {Number: 3, Align: text.AlignRight},
	})
	for _, f := range all {
		wanted := "≤ " + amount(f.most, f.unit)
		if f.missing != "" {
			t.AppendRow(table.Row{f.name, "", wanted, "not measured", f.missing.Error()})
			continue
		}
		got := median(f.samples)
		t.AppendRow(table.Row{f.name, amount(got, f.unit), wanted, verdict(got, f.most), f.beside})
	}
	t.SetCaption("Medians, %s; of others during a compilation, wall-clock time.", clock)
	return t.Render()
}

// amount writes a figure in its unit.
func amount(x float64, unit string) string {
	if unit == inTime {
		return duration(x)
	}
	if x < 1024 && x > -1024 {
		return fmt.Sprintf("%.0f B", x)
	}
	return fmt.Sprintf("%.1f KiB", x/1024)
}
