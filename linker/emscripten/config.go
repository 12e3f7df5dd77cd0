package emscripten

import (
	"crypto/rand"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// Config is how a program is set up. It is immutable: every With… method returns a changed copy.
// Start with [NewConfig].
type Config struct {
	fs        *vfs.FS
	dir       string
	env       []string
	stdin     io.Reader
	stdout    io.Writer
	stderr    io.Writer
	now       func() time.Time
	random    io.Reader
	location  *time.Location
	functions map[string]api.GoModuleFunction
	blocks    map[uint32]Block
	fallback  Fallback
	library   func(name string) string
	maxFiles  int
	cores     int
}

// DefaultMaxFiles is how many descriptors a program may have open.
const DefaultMaxFiles = 4096

// NewConfig returns the default configuration: a new file system in memory with the directories
// /tmp, /dev and /home/web_user, no input, output that goes nowhere, the host's clock in UTC, and
// the host's random numbers.
func NewConfig() *Config {
	return &Config{dir: "/", stdout: io.Discard, stderr: io.Discard, now: time.Now,
		random: rand.Reader, location: time.UTC, maxFiles: DefaultMaxFiles, cores: 1}
}

func (c *Config) with(change func(*Config)) *Config {
	d := *c
	change(&d)
	return &d
}

// WithFS sets the file system, which several programs may share.
func (c *Config) WithFS(f *vfs.FS) *Config { return c.with(func(c *Config) { c.fs = f }) }

// WithDir sets the directory in which the program begins. It must exist. The default is "/".
func (c *Config) WithDir(dir string) *Config { return c.with(func(c *Config) { c.dir = dir }) }

// WithEnv sets a variable of the environment.
func (c *Config) WithEnv(name, value string) *Config {
	return c.with(func(c *Config) { c.env = append(slices.Clip(c.env), name+"="+value) })
}

// WithStdio sets the standard streams. A nil reader is at its end, a nil writer goes nowhere. They
// are used by one goroutine at a time; a program that waits for input holds up no other group.
func (c *Config) WithStdio(stdin io.Reader, stdout, stderr io.Writer) *Config {
	discard := func(w io.Writer) io.Writer {
		if w == nil {
			return io.Discard
		}
		return w
	}
	return c.with(func(c *Config) {
		c.stdin, c.stdout, c.stderr = stdin, discard(stdout), discard(stderr)
	})
}

// WithClock sets the time of day.
func (c *Config) WithClock(now func() time.Time) *Config {
	return c.with(func(c *Config) { c.now = now })
}

// WithLocation sets the zone of local times. The default is UTC.
func (c *Config) WithLocation(l *time.Location) *Config {
	return c.with(func(c *Config) { c.location = l })
}

// WithRandom sets where random numbers come from. It is read by one goroutine at a time.
func (c *Config) WithRandom(r io.Reader) *Config { return c.with(func(c *Config) { c.random = r }) }

// WithFunction gives the program a function that it imports from env, as a JavaScript library
// would. It wins over this package's own of that name. Its arguments and results are on the stack
// as wazero has them, of whatever types the program imports it with.
func (c *Config) WithFunction(name string, f api.GoModuleFunction) *Config {
	return c.with(func(c *Config) {
		functions := maps.Clone(c.functions)
		if functions == nil {
			functions = map[string]api.GoModuleFunction{}
		}
		functions[name] = f
		c.functions = functions
	})
}

// Fallback finds functions that a program imports and that this package does not have: nil if there
// is none, and then calling it is an error with its name.
type Fallback func(name string, params, results []api.ValueType) api.GoModuleFunction

// WithFallback sets what is asked for functions of env that neither the program's modules nor this
// package have.
func (c *Config) WithFallback(f Fallback) *Config {
	return c.with(func(c *Config) { c.fallback = f })
}

// WithLibraryPath sets how the names that the program opens libraries by become paths in its file
// system. By default a name without a slash is looked for in /usr/lib, in /lib and in the current
// directory.
func (c *Config) WithLibraryPath(f func(name string) string) *Config {
	return c.with(func(c *Config) { c.library = f })
}

// WithMaxFiles sets how many descriptors may be open.
func (c *Config) WithMaxFiles(n int) *Config { return c.with(func(c *Config) { c.maxFiles = n }) }

// WithCores sets how many processors the program is told of. The default is 1.
func (c *Config) WithCores(n int) *Config { return c.with(func(c *Config) { c.cores = n }) }
