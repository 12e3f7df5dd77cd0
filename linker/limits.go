package linker

// What limits are called in a [LimitError], with their units.
const (
	limitModules   = "modules"
	limitDepth     = "depth of needed libraries"
	limitFile      = "file of a library (bytes)"
	limitAbandoned = "reads that nobody waits for any more"
	limitImports   = "imports"
	limitFolders   = "folders to search for one library"
	limitCalls     = "calls of a guest within each other"
)

// More limits of [NewConfig].
const (
	DefaultCompilations = 4       // libraries that are compiled at once
	DefaultMaxFolders   = 1024    // of run-time paths, for one library
	DefaultMaxNames     = 16      // of one library, besides its own
	DefaultMaxImports   = 1 << 15 // of one module
)

// WithMaxFolders sets in how many folders of run-time paths one library may be looked for.
func (c *Config) WithMaxFolders(n int) *Config {
	return c.with(func(c *Config) { c.maxFolders = max(n, 0) })
}

// WithMaxNames sets by how many names, besides its own, a library is remembered that was asked for by
// several. By further ones it is found as well, through its file.
func (c *Config) WithMaxNames(n int) *Config {
	return c.with(func(c *Config) { c.maxNames = max(n, 0) })
}

// WithMaxImports sets how many imports a module may have. The engine takes time that grows with the
// square of their number: about a second for the default.
func (c *Config) WithMaxImports(n int) *Config {
	return c.with(func(c *Config) { c.maxImports = max(n, 0) })
}
