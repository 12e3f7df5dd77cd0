// Package programs has nothing but tests: programs and libraries in C and C++, built with Debian's
// clang and C library, which begin and end, load and unload each other as they would on the machine
// itself. testdata has their sources, what build.sh made of them, and what native.sh recorded of
// the same sources without WebAssembly.
//
// It is for this project, and promises nothing to other modules.
package programs
