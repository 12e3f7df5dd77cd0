package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Host runs plugins: libraries that filter lines of text, which can be replaced while others use
// them. It is safe for concurrent use.
type Host struct {
	image *guest.Image
	idle  chan *guest.Thread // a call takes one for itself

	log   io.Writer
	logMu sync.Mutex

	loading sync.Mutex // one load or unload at a time
	loads   int

	mu      sync.RWMutex
	plugins []*plugin // in the order in which they filter
}

// plugin is one version of a plugin.
type plugin struct {
	name    string
	library *linker.Library
	// calls that are under way; none begins once the plugin is not in the list any more
	uses sync.WaitGroup
}

// room is how long a line can be, in bytes.
const room = 4096

// filterType is the signature of plugin_filter.
const filterType = "(i32, i32, i32) -> (i32)"

// PluginError says which plugin failed.
type PluginError struct {
	Plugin string
	Err    error
}

// Error implements the error interface.
func (e *PluginError) Error() string { return fmt.Sprintf("plugins: %s: %v", e.Plugin, e.Err) }

// Unwrap returns the reason.
func (e *PluginError) Unwrap() error { return e.Err }

// NewHost makes a host that runs n calls at once. What plugins log is written to log.
func NewHost(ctx context.Context, runtime wazero.RuntimeConfig, n int, log io.Writer) (*Host,
	error) {
	h := &Host{log: log, idle: make(chan *guest.Thread, n)}
	var err error
	h.image, err = guest.Open(ctx,
		guest.Options{Main: libraries.MainLibc, Runtime: runtime, Host: h.functions})
	if err != nil {
		return nil, err
	}
	threads, err := h.image.Threads(ctx, n)
	if err != nil {
		return nil, errors.Join(err, h.image.Close(ctx))
	}
	for _, t := range threads {
		h.idle <- t
	}
	return h, nil
}

// functions are what plugins import from the host.
func (h *Host) functions(ctx context.Context, rt wazero.Runtime) error {
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(h.pluginLog), []api.ValueType{api.ValueTypeI32}, nil).
		Export("plugin_log").Instantiate(ctx)
	return err
}

func (h *Host) pluginLog(ctx context.Context, _ api.Module, stack []uint64) {
	group := linker.GroupFromContext(ctx)
	text, err := h.image.Main().In(group).String(uint32(stack[0]))
	if err == nil { // writing may take its time, and must not hold up who loads plugins
		err = group.Block(ctx, func() {
			h.logMu.Lock()
			defer h.logMu.Unlock()
			fmt.Fprintln(h.log, text)
		})
	}
	if err != nil {
		panic(err) // ends the call of the plugin, as a trap does
	}
}

// in runs f in an idle thread, and waits until there is one.
func (h *Host) in(ctx context.Context, f func(t *guest.Thread) error) error {
	select {
	case t := <-h.idle:
		defer func() { h.idle <- t }()
		return f(t)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Load loads a plugin, or a new version of it: calls that have begun go on with the old one, which
// is unloaded when they have returned. When the new one cannot be loaded the old one stays.
func (h *Host) Load(ctx context.Context, name string, wasm []byte) error {
	h.loading.Lock()
	defer h.loading.Unlock()
	h.loads++
	// A name of its own, or it would be the old version that is found loaded; Local, because all
	// plugins define the same functions; Now, so that nothing is missing later.
	p := &plugin{name: name}
	file := fmt.Sprintf("%s@%d", name, h.loads)
	err := h.in(ctx, func(t *guest.Thread) (err error) {
		if p.library, err = t.OpenBytes(ctx, file, wasm, linker.Local, linker.Now); err != nil {
			return err
		}
		if err = check(ctx, t, p.library); err != nil {
			err = errors.Join(err, t.CloseLibrary(context.WithoutCancel(ctx), p.library))
		}
		return err
	})
	if err != nil {
		return &PluginError{Plugin: name, Err: err}
	}
	return h.retire(ctx, h.swap(name, p))
}

// check sees to it that a library is a plugin.
func check(ctx context.Context, t *guest.Thread, library *linker.Library) error {
	filter, err := t.Symbol(ctx, library, "plugin_filter")
	if err != nil {
		return err
	}
	if filter.Kind != linker.Function || filter.Type.String() != filterType {
		return fmt.Errorf("plugin_filter is %v, want %s (see plugin.h)", filter.Type, filterType)
	}
	return nil
}

// Unload unloads a plugin, once the calls that have begun have returned. A name that nobody has is
// no error.
func (h *Host) Unload(ctx context.Context, name string) error {
	h.loading.Lock()
	defer h.loading.Unlock()
	return h.retire(ctx, h.swap(name, nil))
}

// swap puts a plugin, if there is one, in the place of another one of that name, which it returns.
func (h *Host) swap(name string, p *plugin) (old *plugin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []*plugin // a new one: calls that have begun go through the old one
	for _, q := range h.plugins {
		if q.name != name {
			list = append(list, q)
			continue
		}
		if old = q; p != nil {
			list = append(list, p)
		}
	}
	if old == nil && p != nil {
		list = append(list, p)
	}
	h.plugins = list
	return old
}

// retire unloads a plugin that is in the list no more.
func (h *Host) retire(ctx context.Context, p *plugin) error {
	if p == nil {
		return nil
	}
	p.uses.Wait()
	// Whatever the context says: nobody else has the handle.
	err := h.in(context.WithoutCancel(ctx), func(t *guest.Thread) error {
		return t.CloseLibrary(context.WithoutCancel(ctx), p.library)
	})
	if err != nil {
		return &PluginError{Plugin: p.name, Err: err}
	}
	return nil
}

// Filter passes a line through all plugins, one after the other. It sees each plugin in one
// version.
func (h *Host) Filter(ctx context.Context, line string) (filtered string, err error) {
	h.mu.RLock()
	plugins := h.plugins
	for _, p := range plugins {
		p.uses.Add(1)
	}
	h.mu.RUnlock()
	defer func() {
		for _, p := range plugins {
			p.uses.Done()
		}
	}()
	if len(line) > room {
		return "", fmt.Errorf("plugins: a line of %d bytes, longer than %d", len(line), room)
	}
	err = h.in(ctx, func(t *guest.Thread) error {
		filtered, err = filter(ctx, t, plugins, line)
		return err
	})
	return filtered, err
}

func filter(ctx context.Context, t *guest.Thread, plugins []*plugin, line string) (filtered string,
	err error) {
	address, err := t.Alloc(ctx, room)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, t.Free(context.WithoutCancel(ctx), address)) }()
	buffer, err := t.Bytes(address, room)
	if err != nil {
		return "", err
	}
	n := uint64(copy(buffer, line))
	for _, p := range plugins {
		results, err := t.Group.Call(ctx, p.library, "plugin_filter", uint64(address), n, room)
		if err != nil {
			return "", &PluginError{Plugin: p.name, Err: err}
		}
		if n = results[0]; n > room {
			return "", &PluginError{Plugin: p.name,
				Err: fmt.Errorf("a line of %d bytes, there was room for %d", n, room)}
		}
	}
	return string(buffer[:n]), nil
}

// Close unloads all plugins and closes the image. Nobody may call the host any more.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	plugins := h.plugins
	h.plugins = nil
	h.mu.Unlock()
	var errs []error
	for _, p := range plugins {
		errs = append(errs, h.retire(ctx, p))
	}
	return errors.Join(append(errs, h.image.Close(ctx))...)
}
