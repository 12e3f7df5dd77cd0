// Package libraries has real C and C++ libraries as WebAssembly modules, built from Debian's
// sources, and main modules with the libc that they need:
//
//	main, err := fs.ReadFile(libraries.FS(), libraries.MainLibc)
//	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithFS(libraries.FS()))
//	lib, err := l.Main().Open(ctx, libraries.Zlib)
//
// LinkLibc, LinkLibcxx, LinkPosix and LinkCxx do the first step.
//
// build.sh builds them ("make libraries"); README.md says from what, and what several threads may
// do with them.
package libraries

import (
	"embed"
	"io/fs"
)

// Names of the modules in [FS].
const (
	MainLibc   = "main-libc.wasm"   // main module: all of wasi-libc
	MainLibcxx = "main-libcxx.wasm" // main module: the same, and all of libc++
	MainPosix  = "main-posix.wasm"  // main module: wasi-libc with POSIX threads
	MainCxx    = "main-cxx.wasm"    // main module: the same, and libc++ with exceptions

	Zlib   = "libz.wasm"       // zlib 1.2.13
	Lua    = "liblua.wasm"     // Lua 5.4.4
	SQLite = "libsqlite3.wasm" // SQLite 3.40.1, databases in memory only
	Words  = "libwords.wasm"   // counts words; a small library in C++, for MainLibcxx

	// StaticZ and StaticLua are executables with the code of Zlib and Lua linked by the static
	// linker, to compare.
	StaticZ   = "static-z.wasm"
	StaticLua = "static-lua.wasm"
)

//go:embed testdata/*.wasm
var modules embed.FS

// FS returns the modules as a file system, which is what [linker.Config.WithFS] takes. It may be
// used by any goroutine.
//
// [linker.Config.WithFS]: https://pkg.go.dev/github.com/lockstep-wasm/lockstep/linker#Config.WithFS
func FS() fs.FS {
	sub, err := fs.Sub(modules, "testdata")
	if err != nil { // only for a name that is no path
		panic(err)
	}
	return sub
}
