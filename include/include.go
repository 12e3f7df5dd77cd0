// Package include has the C headers of this folder, for tools that compile guests.
//
// It is for this project, and promises nothing to other modules.
package include

import "embed"

// FS has the headers, by the names that C programs include them by: "lockstep/dlfcn.h", and
// "dlfcn.h" instead of the C library's.
//
//go:embed lockstep dlfcn.h
var FS embed.FS
