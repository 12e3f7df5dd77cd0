package linker

import (
	"io"
	"sync"

	"github.com/tetratelabs/wazero"
)

// WithStdio sets the guest's standard streams; nil is what [Config.WithModuleConfig] says. Unlike
// those set there, these need not be safe for concurrent use. Both may block for as long as they
// like: a group that waits for one of them delays no other group, not even one that opens or closes
// files. Those set here are never polled: to poll_oneoff they are always ready.
func (c *Config) WithStdio(stdin io.Reader, stdout, stderr io.Writer) *Config {
	return c.with(func(c *Config) { c.stdio = stdio{stdin, stdout, stderr} })
}

// moduleConfig is what a host module sees of the guest.
func (l *Linker) moduleConfig() wazero.ModuleConfig {
	config := l.config.hostConfig
	if config == nil {
		config = wazero.NewModuleConfig()
	}
	s := l.config.stdio
	if s.in != nil {
		config = config.WithStdin(&stream{in: s.in})
	}
	if s.out != nil {
		config = config.WithStdout(&stream{out: s.out})
	}
	if s.err != nil {
		config = config.WithStderr(&stream{out: s.err})
	}
	return config.WithName("").WithStartFunctions()
}

// stream is a standard stream that all groups share, one at a time.
type stream struct {
	mu  sync.Mutex // held by the group that reads or writes
	in  io.Reader
	out io.Writer
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in.Read(p)
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}
