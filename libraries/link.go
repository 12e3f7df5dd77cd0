package libraries

import (
	"context"
	_ "embed"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
)

// A program that calls only one of the functions below has only that main module in it, not all of
// [FS].

//go:embed testdata/main-libc.wasm
var mainLibc string

//go:embed testdata/main-libcxx.wasm
var mainLibcxx string

//go:embed testdata/main-posix.wasm
var mainPosix string

//go:embed testdata/main-cxx.wasm
var mainCxx string

// LinkLibc makes a process image whose main module has all of wasi-libc, built for threads, and
// nothing else: what plug-ins in C need. It is linker.New with [MainLibc]; a nil config is
// linker.NewConfig().
func LinkLibc(
	ctx context.Context,
	rt wazero.Runtime,
	config *linker.Config,
) (*linker.Linker, error) {
	return link(ctx, rt, mainLibc, MainLibc, config)
}

// LinkLibcxx is LinkLibc with libc++ besides: what plug-ins in C++ need. It is linker.New with
// [MainLibcxx].
func LinkLibcxx(
	ctx context.Context,
	rt wazero.Runtime,
	config *linker.Config,
) (*linker.Linker, error) {
	return link(ctx, rt, mainLibcxx, MainLibcxx, config)
}

// LinkPosix makes a process image whose main module has wasi-libc with POSIX threads: libraries can
// start threads, and streams are locked. It is linker.New with [MainPosix].
func LinkPosix(
	ctx context.Context,
	rt wazero.Runtime,
	config *linker.Config,
) (*linker.Linker, error) {
	return link(ctx, rt, mainPosix, MainPosix, config)
}

// LinkCxx is LinkPosix with libc++ besides, with exceptions and threads. It is linker.New with
// [MainCxx].
func LinkCxx(
	ctx context.Context,
	rt wazero.Runtime,
	config *linker.Config,
) (*linker.Linker, error) {
	return link(ctx, rt, mainCxx, MainCxx, config)
}

func link(
	ctx context.Context, rt wazero.Runtime, main, name string, config *linker.Config,
) (*linker.Linker, error) {
	if config == nil {
		config = linker.NewConfig()
	}
	return linker.New(ctx, rt, []byte(main), config.WithMainName(name))
}
