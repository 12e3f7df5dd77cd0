package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/cabi"
	"github.com/lockstep-wasm/lockstep/plugin"
)

// Filters passes lines of text through plug-ins, which can be replaced while others use them. It is
// safe for concurrent use.
type Filters struct {
	host *plugin.Host

	logMu sync.Mutex
	log   io.Writer // guarded by logMu

	mu    sync.Mutex
	order []string // guarded by mu: the plug-ins in the order in which they filter
}

// room is how long a line can be, in bytes.
const room = 4096

// filter is what plugin.h says of plugin_filter.
type filter = func(ctx context.Context, line cabi.Pointer, length, room uint32) (uint32, error)

// NewFilters makes a host that runs n calls at once. What plug-ins log is written to log.
func NewFilters(ctx context.Context, runtime wazero.RuntimeConfig, n int, log io.Writer) (*Filters,
	error) {
	f := &Filters{log: log}
	var err error
	f.host, err = plugin.New(ctx, plugin.Options{Threads: n, Runtime: runtime,
		Functions: f.functions, Check: check})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// functions are what plug-ins import from the host.
func (f *Filters) functions(ctx context.Context, rt wazero.Runtime) error {
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(f.pluginLog), []api.ValueType{api.ValueTypeI32}, nil).
		Export("plugin_log").Instantiate(ctx)
	return err
}

func (f *Filters) pluginLog(ctx context.Context, _ api.Module, stack []uint64) {
	group := linker.GroupFromContext(ctx)
	text, err := cabi.String(group, cabi.Pointer(stack[0]))
	if err == nil { // writing may take its time, and must not hold up a load
		err = group.Block(ctx, func() {
			f.logMu.Lock()
			defer f.logMu.Unlock()
			fmt.Fprintln(f.log, text)
		})
	}
	if err != nil {
		panic(err) // ends the call of the plug-in, as a trap does
	}
}

// check sees to it that a library is a plug-in: that it has the function of plugin.h.
func check(ctx context.Context, u *plugin.Use) error {
	_, err := cabi.Bind[filter](ctx, u.Group, u.Library, "plugin_filter")
	return err
}

// Load loads a plug-in, or a new version of it: calls that have begun go on with the old one. When
// the new one cannot be loaded the old one stays.
func (f *Filters) Load(ctx context.Context, name string, wasm []byte) error {
	if err := f.host.Load(ctx, name, wasm); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.order, name) {
		f.order = append(slices.Clip(f.order), name)
	}
	return nil
}

// Unload unloads a plug-in when the calls that have begun have returned. An unknown name is no
// error.
func (f *Filters) Unload(ctx context.Context, name string) error {
	f.mu.Lock()
	f.order = slices.DeleteFunc(slices.Clone(f.order), func(n string) bool { return n == name })
	f.mu.Unlock()
	if err := f.host.Unload(ctx, name); !errors.Is(err, plugin.ErrNotLoaded) {
		return err
	}
	return nil
}

// Filter passes a line through all plug-ins, one after the other, and through each in one version.
func (f *Filters) Filter(ctx context.Context, line string) (string, error) {
	f.mu.Lock()
	order := f.order
	f.mu.Unlock()
	if len(line) > room {
		return "", fmt.Errorf("plugins: a line of %d bytes, longer than %d", len(line), room)
	}
	for _, name := range order {
		err := f.host.Use(ctx, name, func(u *plugin.Use) (err error) {
			if line, err = pass(ctx, u, line); err != nil {
				return &plugin.Error{Plugin: name, Err: err}
			}
			return nil
		})
		if err != nil && !errors.Is(err, plugin.ErrNotLoaded) { // unloaded meanwhile: passed over
			return "", err
		}
	}
	return line, nil
}

// pass passes a line through one plug-in.
func pass(ctx context.Context, u *plugin.Use, line string) (filtered string, err error) {
	change, err := cabi.Bind[filter](ctx, u.Group, u.Library, "plugin_filter")
	if err != nil {
		return "", err
	}
	at, err := cabi.Alloc(ctx, u.Group, room)
	if err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, cabi.Free(context.WithoutCancel(ctx), u.Group, at))
	}()
	if err := cabi.Put(u.Group, at, []byte(line)); err != nil {
		return "", err
	}
	n, err := change(ctx, at, uint32(len(line)), room)
	if err != nil {
		return "", err
	}
	if n > room {
		return "", fmt.Errorf("a line of %d bytes, there was room for %d", n, room)
	}
	text, err := cabi.Bytes(u.Group, at, n)
	return string(text), err
}

// Close closes the host; plug-ins are unloaded.
func (f *Filters) Close(ctx context.Context) error { return f.host.Close(ctx) }
