package linker

// What limits are called in a [LimitError], with their units.
const (
	limitModules   = "modules"
	limitDepth     = "depth of needed libraries"
	limitFile      = "file of a library (bytes)"
	limitAbandoned = "reads that nobody waits for any more"
	limitFolders   = "folders to search for one library"
	limitCalls     = "calls of a guest within each other"
)

// More limits of [NewConfig].
const (
	DefaultCompilations = 4    // libraries that are compiled at once
	DefaultMaxFolders   = 1024 // of run-time paths, for one library
)

// WithMaxFolders sets in how many folders of run-time paths one library may be looked for.
func (c *Config) WithMaxFolders(n int) *Config {
	return c.with(func(c *Config) { c.maxFolders = max(n, 0) })
}
