//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package vfs

import "io/fs"

// hostInfo converts what the host tells of a file.
func hostInfo(i fs.FileInfo) Info {
	return Info{Ino: inoOf(i.Name()), Mode: i.Mode(), Size: i.Size(), Links: 1,
		Accessed: i.ModTime(), Modified: i.ModTime(), Changed: i.ModTime()}
}
