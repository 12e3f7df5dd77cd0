// Package emscripten is the host of programs that Emscripten built: what its JavaScript is to them.
// It has the system calls, on a file system of package vfs; WASI as Emscripten uses it; invoke_*,
// longjmp and C++ exceptions in JavaScript style; time, random numbers, arguments and environment;
// dlopen and dlsym; EM_ASM blocks and functions of JavaScript libraries as Go functions.
//
//	fsys := vfs.New()
//	p, err := emscripten.Start(ctx, rt, wasm, linker.NewConfig(), emscripten.NewConfig().WithFS(fsys).WithStdio(os.Stdin, os.Stdout, os.Stderr))
//	code, err := p.Main(ctx, "program", "argument")
//
// An undefined import of a program fails when it is called, with its name; [Imports] lists them
// beforehand.
//
// A program has one thread: pthread_create fails with EAGAIN. Sockets are not there.
package emscripten
