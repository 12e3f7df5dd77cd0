// Package schedule runs concurrent programs under a scheduler of its own, so
// that what happens is decided by a list of numbers and not by the machine: it
// can be searched, repeated and shrunk.
//
// A [Program] sets up what it tests and starts tasks. Tasks are coroutines: one
// runs at a time, and only at scheduling points does another go on. Scheduling
// points are the locking and unlocking of the coordinator's mutex, every wait,
// and [Scheduler.Yield]; the coordinator gets them through the seam that
// linker/coord has for this purpose, [Scheduler.Notified] or
// [Scheduler.Polling]. Time is virtual.
//
// A [Strategy] decides at each point who goes on. [Random] and [PCT] search,
// [DepthFirst] exhausts, [Replay] repeats, and [Drawn] lets a property-based
// testing library draw the choices. [Explore] runs a program under many
// schedules, and [Check] does so in a test: it shrinks what fails and prints
// the command that runs exactly that again.
//
// Everything here belongs to the goroutine that calls Run, Explore or Check,
// and to the tasks, which count as that goroutine. A task must not block in
// anything that the scheduler does not know, such as a channel: it would stop
// everything.
//
// It is for this project, and promises nothing to other modules.
package schedule
