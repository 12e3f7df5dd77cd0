package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/specified"
)

// What histories are judged by.
const (
	byModel         = "model"
	bySpecification = "specification"
	byBoth          = "both"
)

// wayToJudge judges a history. The comparison is nil where nothing is compared.
type wayToJudge func(*lincheck.History, lincheck.Limits) (lincheck.Result, *comparison)

func wayOf(name string) (wayToJudge, error) {
	switch name {
	case byModel:
		return func(h *lincheck.History, lim lincheck.Limits) (lincheck.Result, *comparison) {
			return lincheck.Judge(h, lim), nil
		}, nil
	case bySpecification:
		return func(h *lincheck.History, lim lincheck.Limits) (lincheck.Result, *comparison) {
			return specified.Check(h, lim), nil
		}, nil
	case byBoth:
		return compare, nil
	}
	return nil, argumentError{"judge", fmt.Sprintf("--by is %s, %s or %s, not %q", byModel,
		bySpecification, byBoth, name)}
}

// cost is what a verdict cost.
type cost struct {
	Verdict   string        `json:"verdict"`
	Reason    string        `json:"reason,omitempty"`
	Time      time.Duration `json:"processor_ns"`
	Allocated uint64        `json:"allocated_bytes"`
	Steps     int64         `json:"steps"`
}

// comparison is one history, judged without commit numbers by the model and by the specification.
type comparison struct {
	Model         cost `json:"model"`
	Specification cost `json:"specification"`
}

// What a search may take before the comparison gives it up, for each round of porcupine's.
const (
	comparedSteps  = 1 << 24
	comparedMemory = 1 << 30
)

// compare judges in both ways. The result is that of the specification.
func compare(h *lincheck.History, lim lincheck.Limits) (lincheck.Result, *comparison) {
	lim.Steps, lim.Memory = comparedSteps, comparedMemory
	bare := *h
	bare.Universe.Rules.Unnumbered = true
	bare.Operations = slices.Clone(h.Operations)
	for i := range bare.Operations {
		bare.Operations[i].Output.Commit, bare.Operations[i].Output.Read = 0, 0
	}
	var c comparison
	_, c.Model = costOf(lincheck.Check, &bare, lim)
	var r lincheck.Result
	r, c.Specification = costOf(specified.Check, &bare, lim)
	return r, &c
}

func costOf(check func(*lincheck.History, lincheck.Limits) lincheck.Result, h *lincheck.History,
	lim lincheck.Limits) (lincheck.Result, cost) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := processorTime()
	r := check(h, lim)
	c := cost{Verdict: r.Verdict.String(), Reason: r.Explanation, Time: processorTime() - begun,
		Steps: r.Steps}
	runtime.ReadMemStats(&after)
	c.Allocated = after.TotalAlloc - before.TotalAlloc
	if r.Err != nil {
		c.Reason = r.Err.Error()
	}
	return r, c
}

// agrees says that nothing was compared, or that both have one verdict.
func (c *comparison) agrees() bool { return c == nil || c.Model.Verdict == c.Specification.Verdict }

// decided says whether both have a verdict.
func (c *comparison) decided() bool {
	undecided := lincheck.Undecided.String()
	return c.Model.Verdict != undecided && c.Specification.Verdict != undecided
}

func (c *comparison) write(w io.Writer) {
	if c == nil {
		return
	}
	for _, by := range []struct {
		name string
		cost
	}{{byModel, c.Model}, {bySpecification, c.Specification}} {
		fmt.Fprintf(w, "  by the %s: %s in %s of a processor, %d steps, %d KiB allocated\n",
			by.name, by.Verdict, by.Time.Round(time.Millisecond), by.Steps, by.Allocated>>10)
	}
	switch {
	case !c.decided():
		fmt.Fprintf(w, "  not both have a verdict; the model: %s\n", c.Model.Reason)
		return
	case !c.agrees():
		fmt.Fprintf(w, "  they do not agree; the model: %s\n", c.Model.Reason)
		return
	}
	fmt.Fprintf(w, "  they agree; time 1 : %.1f, memory 1 : %.1f\n",
		ratio(float64(c.Specification.Time), float64(c.Model.Time)),
		ratio(float64(c.Specification.Allocated), float64(c.Model.Allocated)))
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
