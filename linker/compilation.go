package linker

import "runtime"

// WithCompilers sets how many libraries are compiled at once, and how many goroutines work at each
// of them. More wait for their turn. With two or more workers, a compilation whose callers have all
// given up ends at the next function; the engine ends one of a single worker by itself only, and
// the code is then kept as that of a library that was unloaded. The defaults are
// [DefaultCompilations] and one worker less than there are processors, at least two: so most
// processors are left to the guests of other groups, and what nobody waits for ends soon. Values
// below 1 are 1. BenchmarkOthersWhileCompiling measures what the others notice.
func (c *Config) WithCompilers(compilations, workers int) *Config {
	return c.with(func(c *Config) {
		c.compilations, c.workers = max(compilations, 1), max(workers, 1)
	})
}

// defaultWorkers leaves one processor to whoever is not compiling; the engine ends a compilation of
// two workers, and not of one.
func defaultWorkers() int { return max(runtime.GOMAXPROCS(0)-1, 2) }
