package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// What initdb and the server that it runs read from and write to each other. Each is open once, and
// goes on where it was when the next run begins.
const (
	toServer   = prefix + "/pgstdin"
	fromServer = prefix + "/pgstdout"
)

// initdb makes a new database: a program of its own, which runs the server several times through
// system and popen.
func (s *Server) initdb(ctx context.Context, fsys *vfs.FS, rc wazero.RuntimeConfig,
	log io.Writer) error {
	for _, name := range []string{toServer, fromServer} {
		if err := fsys.WriteFile(name, nil, 0o600); err != nil {
			return err
		}
	}
	for fd, mode := range []string{"r", "w"} {
		name := []string{toServer, fromServer}[fd]
		if _, err := s.p.Call(ctx, "pgl_freopen", uint64(s.text(ctx, name)),
			uint64(s.text(ctx, mode)), uint64(fd)); err != nil {
			return err
		}
	}
	wasm, err := read("initdb.wasm")
	if err != nil {
		return err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, rc)
	defer rt.Close(ctx)
	var said strings.Builder
	c := emscripten.NewConfig().WithFS(fsys).WithStdio(nil, log, io.MultiWriter(&said, log)).
		WithEnv("PGDATA", dataDir).WithEnv("HOME", "/home/postgres").WithEnv("USER",
		"postgres").WithEnv("LOGNAME", "postgres").
		WithEnv("ICU_DATA", prefix+"/icu").WithEnv("TZ", "UTC")
	p, err := emscripten.Start(ctx, rt, wasm,
		linker.NewConfig().WithMainName("initdb").WithMemoryPages(0, 1024), c)
	if err != nil {
		return err
	}
	defer p.Close(ctx)
	run := &commands{s: s, p: p}
	if err := run.set(ctx); err != nil {
		return err
	}
	code, err := p.Main(ctx, initdbPath, "--allow-group-access", "--encoding", "UTF8",
		"--locale=C.UTF-8", "--locale-provider=libc", "--auth=trust")
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("initdb: exit status %d: %s", code, strings.TrimSpace(said.String()))
	}
	return nil
}

// commands are what initdb runs: the server.
type commands struct {
	s        *Server
	p        *emscripten.Program
	out, in  uint32 // initdb's streams: from the server, and to it
	args     []string
	waiting  bool // the command runs when its input is complete
	exitCode int32
}

// set gives initdb its callbacks, and opens its streams.
func (r *commands) set(ctx context.Context) error {
	i32 := api.ValueTypeI32
	for _, f := range []struct {
		name   string
		params int
		run    func(ctx context.Context, a []uint64) uint32
	}{{"pgl_set_system_fn", 1, r.system}, {"pgl_set_popen_fn", 2, r.popen},
		{"pgl_set_pclose_fn", 1, r.pclose}} {
		at, err := r.p.Linker().Main().NewCallback(ctx,
			api.GoModuleFunc(func(c context.Context, _ api.Module, stack []uint64) {
				stack[0] = uint64(f.run(c, stack))
			}), []api.ValueType{i32, i32}[:f.params], []api.ValueType{i32})
		if err != nil {
			return err
		}
		if _, err := r.p.Call(ctx, f.name, uint64(at)); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name, mode string
		stream     *uint32
	}{{fromServer, "r", &r.out}, {toServer, "w", &r.in}} {
		name, err := r.p.NewString(ctx, f.name)
		if err != nil {
			return err
		}
		mode, err := r.p.NewString(ctx, f.mode)
		if err != nil {
			return err
		}
		stream, err := r.p.Call(ctx, "fopen", uint64(name), uint64(mode))
		if err != nil {
			return err
		}
		*f.stream = uint32(stream[0])
	}
	return nil
}

func (r *commands) command(at uint64) []string {
	s, _ := r.p.String(uint32(at))
	return words(s)
}

func (r *commands) run(ctx context.Context) {
	if len(r.args) == 0 || r.args[0] != postgres {
		panic(fmt.Errorf("initdb runs %q", r.args))
	}
	ctx = linker.WithoutGroup(ctx)
	if err := r.s.again(ctx); err != nil {
		panic(err)
	}
	code, err := r.s.p.Main(ctx, r.args...)
	if err != nil {
		panic(err)
	}
	r.exitCode = code
}

func (r *commands) system(ctx context.Context, a []uint64) uint32 {
	r.args = r.command(a[0])
	r.run(ctx)
	return uint32(r.exitCode)
}

func (r *commands) popen(ctx context.Context, a []uint64) uint32 {
	r.args = r.command(a[0])
	if mode, _ := r.p.String(uint32(a[1])); mode == "r" {
		r.run(ctx)
		return r.out
	}
	r.waiting = true
	return r.in
}

func (r *commands) pclose(ctx context.Context, a []uint64) uint32 {
	if r.waiting {
		r.waiting = false
		if _, err := r.p.Call(ctx, "fflush", uint64(r.in)); err != nil {
			panic(err)
		}
		r.run(ctx)
	}
	return uint32(r.exitCode)
}

// word is a word of a command, or the redirection that ends its arguments.
var word = regexp.MustCompile(`"([^"]*)"|([^\s"<>|&]+)|[<>|&]`)

// words splits a command as a shell would.
func words(command string) (list []string) {
	for _, m := range word.FindAllStringSubmatch(command, -1) {
		if m[1]+m[2] == "" && m[0] != `""` {
			break
		}
		list = append(list, m[1]+m[2])
	}
	return list
}

// keep puts the data into the directory of the host. A new database is complete when PG_VERSION,
// the last file, is there.
func (s *Server) keep(fsys *vfs.FS, fresh bool) error {
	if fresh {
		if err := s.copy(fsys, "."); err != nil {
			return err
		}
		version, err := fsys.ReadFile(dataDir + "/PG_VERSION")
		if err != nil {
			return err
		}
		if err := s.root.WriteFile("PG_VERSION", version, 0o600); err != nil {
			return err
		}
	}
	return fsys.Mount(dataDir, vfs.Dir(s.root))
}

func (s *Server) copy(fsys *vfs.FS, dir string) error {
	list, err := fsys.List(path.Join(dataDir, dir))
	if err != nil {
		return err
	}
	for _, e := range list {
		name := path.Join(dir, e.Name)
		switch {
		case name == "PG_VERSION":
		case e.Type == fs.ModeDir:
			if err := s.root.Mkdir(name, 0o700); err != nil && !os.IsExist(err) {
				return err
			}
			if err := s.copy(fsys, name); err != nil {
				return err
			}
		default:
			content, err := fsys.ReadFile(path.Join(dataDir, name))
			if err != nil {
				return err
			}
			if err := s.root.WriteFile(name, content, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}
