package guest

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Options say what an image consists of.
type Options struct {
	Main    string // the main module, in libraries.FS
	Library string // the library, in libraries.FS; "" for none

	Runtime wazero.RuntimeConfig // nil for linker.NewRuntimeConfig()
	Module  wazero.ModuleConfig  // standard streams and the like, for all threads; nil for none
	// Host instantiates the host modules that the library imports; nil for none but WASI.
	Host func(ctx context.Context, rt wazero.Runtime) error
}

// Image is a process image, with one library open if [Options] name one. It is safe for concurrent
// use.
type Image struct {
	rt      wazero.Runtime
	linker  *linker.Linker
	library *linker.Library
	main    *Thread
}

// minPages is how much memory an image begins with, in pages of 64 KiB. It is only address space
// until it is used.
const minPages = 1024

// Open makes an image in a runtime of its own.
func Open(ctx context.Context, options Options) (image *Image, err error) {
	main, err := fs.ReadFile(libraries.FS(), options.Main)
	if err != nil {
		return nil, err
	}
	if options.Runtime == nil {
		options.Runtime = linker.NewRuntimeConfig()
	}
	i := &Image{rt: wazero.NewRuntimeWithConfig(ctx, options.Runtime)}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.Close(ctx))
		}
	}()
	if options.Host != nil {
		if err := options.Host(ctx, i.rt); err != nil {
			return nil, err
		}
	}
	config := linker.NewConfig().WithFS(libraries.FS()).WithMainName(options.Main).WithMemoryPages(
		minPages, linker.DefaultMaxPages)
	if options.Module != nil {
		config = config.WithModuleConfig(options.Module)
	}
	if i.linker, err = linker.New(ctx, i.rt, main, config); err != nil {
		return nil, err
	}
	i.library = linker.Default
	if options.Library != "" {
		if i.library, err = i.linker.Main().Open(ctx, options.Library); err != nil {
			return nil, err
		}
	}
	i.main = &Thread{Group: i.linker.Main(), image: i, functions: i.library}
	return i, nil
}

// Close closes the image and its runtime, whether or not ctx has ended.
func (i *Image) Close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	if i.linker != nil {
		err = i.linker.Close(ctx)
	}
	return errors.Join(err, i.rt.Close(ctx))
}

// Main returns the first thread.
func (i *Image) Main() *Thread { return i.main }

// Spawn makes another thread, in which the library is open, too: as everything is that any thread
// opened.
func (i *Image) Spawn(ctx context.Context) (*Thread, error) {
	g, err := i.main.Group.Spawn(ctx)
	if err != nil {
		return nil, err
	}
	return &Thread{Group: g, image: i, functions: i.library}, nil
}

// Threads returns n threads: the first one and n-1 more.
func (i *Image) Threads(ctx context.Context, n int) ([]*Thread, error) {
	threads := []*Thread{i.main}
	for len(threads) < n {
		t, err := i.Spawn(ctx)
		if err != nil {
			return nil, err
		}
		threads = append(threads, t)
	}
	return threads, nil
}
