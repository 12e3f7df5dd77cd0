package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// Where PGlite's build expects its files.
const (
	prefix     = "/pglite"
	dataDir    = prefix + "/data"
	postgres   = prefix + "/bin/postgres"
	initdbPath = prefix + "/bin/initdb"
)

// What PGlite's build exits with.
const (
	exitAlive   = 99  // main has started the server, which goes on
	exitLongjmp = 100 // an error of SQL: the server's main loop is to recover
)

// Options say what a server is to be.
type Options struct {
	Dir        string                  // a directory of the host for the data; empty for memory
	Cache      wazero.CompilationCache // may be nil
	Extensions []string                // names of PGlite's bundles: "hstore"
	Log        io.Writer               // what the server prints; may be nil
}

// Server is a database server in the process. One client at a time is connected to it: others wait.
type Server struct {
	p        *emscripten.Program
	rt       wazero.Runtime
	root     *os.Root // may be nil
	original []byte   // the memory before main ran,
	stack    uint64   // and where its stack was
	turn     chan struct{}
	client   *wire // who is connected; used within a turn

	mu     sync.Mutex
	conn   net.Conn // of the client that has the turn, or nil; guarded by mu
	closed bool     // no client gets a turn any more; guarded by mu
}

// take notes whose turn it is. It returns false when the server is being closed.
func (s *Server) take(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	return !s.closed
}

// hangUp disconnects the client that has the turn, and takes the turn.
func (s *Server) hangUp(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	if s.conn != nil {
		_ = s.conn.Close() // its goroutine finds that out, and gives the turn back
	}
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Open starts a server. In an empty directory it makes a new database first.
func Open(ctx context.Context, o Options) (s *Server, err error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	s = &Server{turn: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
			s = nil
		}
	}()
	fsys, err := files(o.Extensions)
	if err != nil {
		return s, err
	}
	if err := fsys.Mount(dataDir,
		vfs.NewMemory(vfs.DefaultMaxBytes, vfs.DefaultMaxFiles)); err != nil {
		return s, err
	}
	config := linker.NewRuntimeConfig()
	if o.Cache != nil {
		config = config.WithCompilationCache(o.Cache)
	}
	s.rt = wazero.NewRuntimeWithConfig(ctx, config)
	if err := s.start(ctx, fsys, o.Log); err != nil {
		return s, err
	}
	fresh := true
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return s, err
		}
		if s.root, err = os.OpenRoot(o.Dir); err != nil {
			return s, err
		}
		_, err := s.root.Stat("PG_VERSION")
		fresh = errors.Is(err, os.ErrNotExist)
	}
	if fresh {
		if err := s.initdb(ctx, fsys, config, o.Log); err != nil {
			return s, err
		}
	}
	if s.root != nil {
		if err := s.keep(fsys, fresh); err != nil {
			return s, err
		}
	}
	return s, s.serve(ctx)
}

// start links PostgreSQL and gives it what it calls back.
func (s *Server) start(ctx context.Context, fsys *vfs.FS, log io.Writer) error {
	wasm, err := read("pglite.wasm")
	if err != nil {
		return err
	}
	c := emscripten.NewConfig().WithFS(fsys).WithStdio(nil, log, log)
	for name, value := range map[string]string{"HOME": "/home/postgres", "USER": "postgres",
		"LOGNAME": "postgres", "PGDATA": dataDir,
		"PGUSER": "postgres", "PGDATABASE": "postgres", "LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8",
		"TZ": "UTC", "PGTZ": "UTC",
		"PGCLIENTENCODING": "UTF8", "ICU_DATA": prefix + "/icu", "PATH": prefix + "/bin"} {
		c = c.WithEnv(name, value)
	}
	// An extension may take longer to compile than a library of a stranger is allowed to.
	lc := linker.NewConfig().WithMainName("postgres").WithMemoryPages(0,
		32768).WithMaxCompileCost(5 * time.Minute)
	p, err := emscripten.Start(ctx, s.rt, wasm, lc, c)
	if err != nil {
		return err
	}
	s.p = p
	i32 := api.ValueTypeI32
	callback := func(f func(c context.Context, args []uint64) uint32, params int) (uint64, error) {
		types := []api.ValueType{i32, i32, i32}[:params]
		at, err := p.Linker().Main().NewCallback(ctx,
			api.GoModuleFunc(func(c context.Context, _ api.Module, stack []uint64) {
				stack[0] = uint64(f(c, stack))
			}), types, []api.ValueType{i32})
		return uint64(at), err
	}
	// The only command that the server runs is locale -a, to know which collations there are.
	system, err := callback(func(context.Context, []uint64) uint32 { return 1 }, 1)
	if err != nil {
		return err
	}
	popen, err := callback(func(c context.Context, _ []uint64) uint32 {
		r, err := p.Call(c, "fopen", uint64(s.text(c, "/pglite/locales")), uint64(s.text(c, "r")))
		if err != nil {
			panic(err)
		}
		return uint32(r[0])
	}, 2)
	if err != nil {
		return err
	}
	pclose, err := callback(func(context.Context, []uint64) uint32 { return 0 }, 1)
	if err != nil {
		return err
	}
	receive, err := callback(func(c context.Context, a []uint64) uint32 {
		return s.transfer(c, a, s.client.fromClient)
	}, 2)
	if err != nil {
		return err
	}
	send, err := callback(func(c context.Context, a []uint64) uint32 {
		return s.transfer(c, a, s.client.toClient)
	}, 2)
	if err != nil {
		return err
	}
	for _, set := range []struct {
		name string
		args []uint64
	}{{"pgl_set_system_fn", []uint64{system}}, {"pgl_set_popen_fn", []uint64{popen}},
		{"pgl_set_pclose_fn", []uint64{pclose}}, {"pgl_set_rw_cbs", []uint64{receive, send}}} {
		if _, err := p.Call(ctx, set.name, set.args...); err != nil {
			return err
		}
	}
	stack, err := p.Call(ctx, "emscripten_stack_get_current")
	if err != nil {
		return err
	}
	b, _ := p.Linker().View(0, p.Linker().Memory().Size())
	s.original, s.stack = bytes.Clone(b), stack[0]
	return nil
}

// text is a string in the server's memory. The server's memory is made new before it is full.
func (s *Server) text(ctx context.Context, text string) uint32 {
	at, err := s.p.NewString(ctx, text)
	if err != nil {
		panic(err)
	}
	return at
}

// transfer moves bytes between the server's memory and a client.
func (s *Server) transfer(ctx context.Context, args []uint64, move func(p []byte) int) (n uint32) {
	p, ok := s.p.Linker().View(uint32(args[0]), uint32(args[1]))
	if !ok {
		panic(linker.ErrOutOfBounds)
	}
	if err := linker.GroupFromContext(ctx).Block(ctx, func() { n = uint32(move(p)) }); err != nil {
		panic(err)
	}
	return n
}

// again makes the memory what it was before main has ever run.
func (s *Server) again(ctx context.Context) error {
	b, _ := s.p.Linker().View(0, s.p.Linker().Memory().Size())
	clear(b[copy(b, s.original):])
	_, err := s.p.Call(ctx, "_emscripten_stack_restore", s.stack)
	return err
}

// serve starts the server on its data.
func (s *Server) serve(ctx context.Context) error {
	if err := s.again(ctx); err != nil {
		return err
	}
	s.client = newWire()
	if _, err := s.p.Call(ctx, "pgl_setPGliteActive", 1); err != nil {
		return err
	}
	code, err := s.p.Main(ctx, postgres, "--single", "-F", "-O", "-j", "-c", "search_path=public",
		"-c", "exit_on_error=false",
		"-c", "log_checkpoints=false", "-c", "max_worker_processes=0", "-c",
		"max_parallel_workers=0",
		"-c", "max_parallel_workers_per_gather=0", "-c", "io_method=sync", "-c",
		"max_parallel_maintenance_workers=0",
		"-D", dataDir, "postgres")
	if err != nil {
		return err
	}
	if code != exitAlive {
		return fmt.Errorf("postgres: exit status %d", code)
	}
	_, err = s.p.Call(ctx, "pgl_startPGlite")
	return err
}

// Close ends the server, which writes what is not on disk yet. A client that is connected is
// disconnected; the error is the context's when it ends before the client's request does.
func (s *Server) Close(ctx context.Context) (err error) {
	if err := s.hangUp(ctx); err != nil {
		return err
	}
	defer func() { <-s.turn }()
	if s.p != nil {
		if s.client != nil {
			_, ended := s.p.Call(ctx, "pgl_setPGliteActive", 0)
			if ended == nil {
				_, ended = emscripten.Status(0,
					func() error { _, err := s.p.Call(ctx, "pgl_run_atexit_funcs"); return err }())
			}
			err = ended
		}
		err = errors.Join(err, s.p.Close(ctx))
		s.p = nil
	}
	if s.rt != nil {
		err = errors.Join(err, s.rt.Close(ctx))
		s.rt = nil
	}
	if s.root != nil {
		err = errors.Join(err, s.root.Close())
		s.root = nil
	}
	return err
}
