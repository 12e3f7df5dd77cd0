package tla

import (
	"embed"
	"io/fs"
)

//go:embed *.tla *.cfg *.json */*.cfg
var files embed.FS

// Files returns this folder's specifications, configurations, manifest and records as they were
// when the program was built, for programs that run away from the source tree. [LoadSuite] takes
// it.
func Files() fs.FS { return files }
