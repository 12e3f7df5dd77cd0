package schedule_test

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
)

// Two tasks add one to a counter, each in two steps. There are six ways to run
// them; the second that depth first search tries loses an addition.
func Example() {
	program := func(s *schedule.Scheduler) {
		counter := 0
		for _, name := range []string{"a", "b"} {
			s.Go(name, func() {
				seen := counter
				s.Yield()
				counter = seen + 1
			})
		}
		s.Finally(func() {
			if counter != 2 {
				s.Failf("the counter is %d", counter)
			}
		})
	}
	report := schedule.Explore(program, schedule.DepthFirst(schedule.Unbounded, 0),
		schedule.Options{})
	fmt.Println(report.Schedules, report.Failure.Kind, report.Failure.Message)

	again := schedule.Run(program, schedule.Replay(report.Failure.Schedule), schedule.Options{})
	fmt.Println(report.Failure.Schedule, again.Failure.Message)
	// Output:
	// 2 broken the counter is 1
	// 1:1 the counter is 1
}
