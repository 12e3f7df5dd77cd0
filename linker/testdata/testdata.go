// Package testdata has the C fixtures that random programs run on, for commands that run away from the source
// tree. README.md says what each is.
//
// It is for this project, and promises nothing to other modules.
package testdata

import (
	"embed"
	"io/fs"
)

//go:embed main-pie.wasm main-shared.wasm threads/*.wasm
var files embed.FS

// FS returns this folder's main modules with threads and its libraries for them, as they were when the program
// was built.
func FS() fs.FS { return files }
