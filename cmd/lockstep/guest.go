package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// settings are what a program sees of this process.
type settings struct {
	args   []string
	mounts []mount
	env    [][2]string
}

// mount is a folder of this machine that the program sees.
type mount struct {
	host, guest string
	root        *os.Root
}

// streams are a program's standard output and standard error.
type streams struct{ out, err io.Writer }

// running is a program that is linked.
type running struct {
	run   func(ctx context.Context) (code uint32, err error)
	close func(ctx context.Context) error
}

// settings opens the folders and reads the variables of the flags.
func (o *runOptions) settings(args []string) (s *settings, err error) {
	s = &settings{args: args}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
			s = nil
		}
	}()
	for _, m := range o.mount {
		host, guest, ok := strings.Cut(m, ":")
		if !ok {
			guest = host
		}
		if info, err := os.Stat(host); err != nil {
			return s, fmt.Errorf("run: --dir: %w", err)
		} else if !info.IsDir() {
			return s, argumentError{"run", "--dir: " + host + " is not a folder"}
		}
		root, err := os.OpenRoot(host)
		if err != nil {
			return s, fmt.Errorf("run: --dir: %w", err)
		}
		s.mounts = append(s.mounts, mount{host, guest, root})
	}
	for _, e := range o.env {
		name, value, ok := strings.Cut(e, "=")
		if !ok {
			value = os.Getenv(name)
		}
		if name == "" {
			return s, argumentError{"run", "--env: no name in " + e}
		}
		s.env = append(s.env, [2]string{name, value})
	}
	return s, nil
}

func (s *settings) close() error {
	var errs []error
	for _, m := range s.mounts {
		errs = append(errs, m.root.Close())
	}
	return errors.Join(errs...)
}

// wasi links a program that has WASI.
func (s *settings) wasi(ctx context.Context, rt wazero.Runtime, main []byte, config *linker.Config,
	at located, std streams) (*running, error) {
	files := wazero.NewFSConfig()
	for _, m := range s.mounts {
		files = files.WithDirMount(m.host, m.guest)
	}
	guest := wazero.NewModuleConfig().WithArgs(s.args...).WithFSConfig(files).
		WithStdin(os.Stdin).WithStdout(std.out).WithStderr(std.err).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().WithRandSource(random{})
	for _, e := range s.env {
		guest = guest.WithEnv(e[0], e[1])
	}
	l, err := linker.New(ctx, rt, main, config.WithFS(at.fsys).WithModuleConfig(guest))
	if err != nil {
		return nil, err
	}
	return &running{run: l.Run, close: l.Close}, nil
}

// emscripten links a program that has Emscripten's system calls. Its libraries are files that it
// sees, so the folders of the search path are there under their own names.
func (s *settings) emscripten(ctx context.Context, rt wazero.Runtime, main []byte,
	config *linker.Config, at located, std streams) (*running, error) {
	fsys := vfs.New()
	for _, dir := range []string{"/tmp", "/dev", "/home/web_user"} {
		if err := fsys.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
	}
	for _, dir := range at.dirs {
		if err := fsys.Mount("/"+dir, vfs.FromFS(os.DirFS("/"+dir))); err != nil {
			return nil, err
		}
	}
	for _, m := range s.mounts {
		if err := fsys.Mount("/"+strings.TrimPrefix(m.guest, "/"), vfs.Dir(m.root)); err != nil {
			return nil, err
		}
	}
	guest := emscripten.NewConfig().WithFS(fsys).WithStdio(os.Stdin, std.out, std.err).
		WithLibraryPath(func(name string) string {
			for _, dir := range at.dirs {
				file := "/" + dir + "/" + name
				if _, err := fsys.Stat(file, true); err == nil && !strings.Contains(name, "/") {
					return file
				}
			}
			return name
		})
	for _, e := range s.env {
		guest = guest.WithEnv(e[0], e[1])
	}
	p, err := emscripten.Start(ctx, rt, main, config, guest)
	if err != nil {
		return nil, err
	}
	run := func(ctx context.Context) (uint32, error) {
		code, err := p.Main(ctx, s.args...)
		return uint32(code), err
	}
	return &running{run: run, close: p.Close}, nil
}
