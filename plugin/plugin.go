// Package plugin is a host for plug-ins in C, or in whatever compiles to shared libraries: it loads
// them, calls them in several threads at once, and replaces them while they are in use. Its main
// module is all of libc ([libraries.LinkLibc]), so a plug-in may use malloc, printf and the rest.
//
//	host, err := plugin.New(ctx, plugin.Options{Threads: 4})
//	if err != nil {
//		return err
//	}
//	defer host.Close(ctx)
//	if err := host.Load(ctx, "shout", wasm); err != nil {
//		return err
//	}
//	err = host.Use(ctx, "shout", func(u *plugin.Use) error {
//		shout, err := cabi.Bind[func(context.Context, string) (cabi.Pointer, error)](ctx, u.Group, u.Library, "shout")
//		…
//	})
//
// "lockstep cc -shared -threads -o plugin.wasm plugin.c" compiles one.
package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Options say how a host is set up. The zero value is one thread, and no functions for plug-ins but
// libc's.
type Options struct {
	// Threads is how many calls run at once, at most linker.DefaultMaxGroups; 0 is one.
	Threads int
	// Runtime is the engine's configuration; nil is linker.NewRuntimeConfig().
	Runtime wazero.RuntimeConfig
	// Config is the linker's: standard streams, limits, file systems; nil is linker.NewConfig().
	Config *linker.Config
	// Functions instantiates the host module "env", with the functions that plug-ins may call; nil
	// for none.
	Functions func(ctx context.Context, rt wazero.Runtime) error
	// CPlusPlus makes libc++ a part of the main module.
	CPlusPlus bool
	// Check is called with each version that was loaded, before anything uses it. Its error refuses
	// the version, which is unloaded; the old one stays. Nil for none.
	Check func(ctx context.Context, u *Use) error
}

// Host runs plug-ins. It is safe for concurrent use.
type Host struct {
	rt     wazero.Runtime
	linker *linker.Linker
	idle   chan *linker.Group // a use takes one for itself
	check  func(ctx context.Context, u *Use) error

	loading sync.Mutex // one load at a time
	loads   int        // guarded by loading

	mu      sync.Mutex
	plugins map[string]*version // guarded by mu
	closed  bool                // guarded by mu
}

// version is one version of a plug-in.
type version struct {
	library *linker.Library
	uses    sync.WaitGroup // none begins once it is not the plug-in's version any more
}

// Use is a thread in which a plug-in may be called, for as long as the function of [Host.Use] runs.
type Use struct {
	Group   *linker.Group
	Library *linker.Library
}

// The errors of this package. A [*Error] names the plug-in.
var (
	// ErrNotLoaded means that there is no plug-in of this name.
	ErrNotLoaded = errors.New("plugin: not loaded")
	// ErrClosed means that the host is closed.
	ErrClosed = errors.New("plugin: the host is closed")
)

// Error says which plug-in failed.
type Error struct {
	Plugin string
	Err    error
}

// Error implements the error interface.
func (e *Error) Error() string { return fmt.Sprintf("plugin: %s: %v", e.Plugin, e.Err) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// New makes a host in a runtime of its own.
func New(ctx context.Context, o Options) (h *Host, err error) {
	if o.Runtime == nil {
		o.Runtime = linker.NewRuntimeConfig()
	}
	threads := max(o.Threads, 1)
	h = &Host{
		rt:      wazero.NewRuntimeWithConfig(ctx, o.Runtime),
		idle:    make(chan *linker.Group, threads),
		check:   o.Check,
		plugins: map[string]*version{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.shut(context.WithoutCancel(ctx)))
			h = nil
		}
	}()
	if o.Functions != nil {
		if err := o.Functions(ctx, h.rt); err != nil {
			return h, fmt.Errorf("plugin: %w", err)
		}
	}
	link := libraries.LinkLibc
	if o.CPlusPlus {
		link = libraries.LinkLibcxx
	}
	if h.linker, err = link(ctx, h.rt, o.Config); err != nil {
		return h, fmt.Errorf("plugin: %w", err)
	}
	g := h.linker.Main()
	for i := range threads {
		if i > 0 {
			if g, err = h.linker.Main().Spawn(ctx); err != nil {
				return h, fmt.Errorf("plugin: thread %d: %w", i+1, err)
			}
		}
		h.idle <- g
	}
	return h, nil
}

// thread takes an idle thread, and waits until there is one.
func (h *Host) thread(ctx context.Context) (*linker.Group, error) {
	select {
	case g := <-h.idle:
		return g, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("plugin: waiting for a thread: %w", ctx.Err())
	}
}

// Load loads a plug-in, or another version of it. Uses that have begun go on with the old one,
// which is unloaded when they have ended; Load waits for that. Later uses get the new one. When
// that cannot be loaded the old one stays. Undefined functions that the plug-in needs are an error.
// The error is a *Error, which wraps the linker's.
func (h *Host) Load(ctx context.Context, name string, wasm []byte) error {
	h.loading.Lock()
	defer h.loading.Unlock()
	h.loads++
	// A version has a name of its own, so that the linker takes it for another library. Local,
	// because plug-ins define the same functions; Now, so that nothing is missing later.
	file := fmt.Sprintf("%s@%d", name, h.loads)
	g, err := h.thread(ctx)
	if err != nil {
		return &Error{name, err}
	}
	library, err := h.open(ctx, g, file, wasm)
	h.idle <- g
	if err != nil {
		return &Error{name, err}
	}
	h.mu.Lock()
	old, closed := h.plugins[name], h.closed
	if !closed {
		h.plugins[name] = &version{library: library}
	}
	h.mu.Unlock()
	if closed {
		return errors.Join(&Error{name, ErrClosed}, h.drop(ctx, name, &version{library: library}))
	}
	return h.drop(ctx, name, old)
}

// open opens a version, which must be one that the program wants.
func (h *Host) open(ctx context.Context, g *linker.Group, file string,
	wasm []byte) (*linker.Library, error) {
	library, err := g.OpenBytes(ctx, file, slices.Clone(wasm), linker.Local, linker.Now)
	if err != nil || h.check == nil {
		return library, err
	}
	if err := h.check(ctx, &Use{g, library}); err != nil {
		return nil, errors.Join(err, g.CloseLibrary(context.WithoutCancel(ctx), library))
	}
	return library, nil
}

// Unload unloads a plug-in when its uses have ended, and waits for that.
func (h *Host) Unload(ctx context.Context, name string) error {
	h.loading.Lock()
	defer h.loading.Unlock()
	h.mu.Lock()
	old := h.plugins[name]
	delete(h.plugins, name)
	h.mu.Unlock()
	if old == nil {
		return &Error{name, ErrNotLoaded}
	}
	return h.drop(ctx, name, old)
}

// drop unloads a version that no new use can begin with; nil is nothing to unload.
func (h *Host) drop(ctx context.Context, name string, v *version) error {
	if v == nil {
		return nil
	}
	v.uses.Wait()
	// Whatever becomes of ctx, the version is not a plug-in any more.
	g, err := h.thread(context.WithoutCancel(ctx))
	if err == nil {
		err = g.CloseLibrary(context.WithoutCancel(ctx), v.library)
		h.idle <- g
	}
	if err != nil {
		return &Error{name, err}
	}
	return nil
}

// Use runs f with the present version of a plug-in, which stays loaded until f returns, in a thread
// of its own. f must not keep what it is given. The error is that of f, or a *Error that wraps
// ErrNotLoaded.
func (h *Host) Use(ctx context.Context, name string, f func(u *Use) error) error {
	g, err := h.thread(ctx)
	if err != nil {
		return &Error{name, err}
	}
	defer func() { h.idle <- g }()
	h.mu.Lock()
	v, closed := h.plugins[name], h.closed
	if v != nil && !closed {
		v.uses.Add(1)
	}
	h.mu.Unlock()
	switch {
	case closed:
		return &Error{name, ErrClosed}
	case v == nil:
		return &Error{name, ErrNotLoaded}
	}
	defer v.uses.Done()
	return f(&Use{Group: g, Library: v.library})
}

// Call calls one function of a plug-in, as [linker.Group.Call] does.
func (h *Host) Call(ctx context.Context, name, function string, args ...uint64) ([]uint64, error) {
	var results []uint64
	err := h.Use(ctx, name, func(u *Use) error {
		var err error
		if results, err = u.Group.Call(ctx, u.Library, function, args...); err != nil {
			return &Error{name, err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// Plugins lists the names of the plug-ins that are loaded, sorted.
func (h *Host) Plugins() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, len(h.plugins))
	for name := range h.plugins {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Close ends the host, after the uses that have begun. No plug-in can be used then. Closing twice
// is no error.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	was := h.closed
	h.closed = true
	versions := make([]*version, 0, len(h.plugins))
	for _, v := range h.plugins {
		versions = append(versions, v)
	}
	h.mu.Unlock()
	if was {
		return nil
	}
	h.loading.Lock()
	defer h.loading.Unlock()
	for _, v := range versions {
		v.uses.Wait()
	}
	return h.shut(ctx)
}

func (h *Host) shut(ctx context.Context) error {
	var err error
	if h.linker != nil {
		err = h.linker.Close(ctx)
	}
	return errors.Join(err, h.rt.Close(ctx))
}
