package schedule

// Report is what an exploration has done.
type Report struct {
	Schedules int      // runs
	Steps     int      // scheduling points of all runs together
	Choices   int      // choice points of the run that had the most
	Exhausted bool     // there is no other schedule within the strategy's bound
	Failure   *Failure // the first failure, which ended the exploration; nil if there was none
}

// Explore runs a program under one schedule after another until one fails or
// the source ends.
func Explore(p Program, source Source, o Options) Report {
	var r Report
	for {
		strategy := source.Next()
		if strategy == nil {
			if e, ok := source.(interface{ Exhausted() bool }); ok {
				r.Exhausted = e.Exhausted()
			}
			return r
		}
		result := Run(p, strategy, o)
		r.Schedules++
		r.Steps += result.Steps
		r.Choices = max(r.Choices, result.Choices)
		if r.Failure = result.Failure; r.Failure != nil {
			return r
		}
	}
}
