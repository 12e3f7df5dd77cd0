//go:build linux || darwin || freebsd || netbsd || openbsd

package vfs

import (
	"io/fs"
	"syscall"
)

// hostInfo converts what the host tells of a file.
func hostInfo(i fs.FileInfo) Info {
	info := Info{Mode: i.Mode(), Size: i.Size(), Links: 1, Accessed: i.ModTime(),
		Modified: i.ModTime(), Changed: i.ModTime()}
	if s, ok := i.Sys().(*syscall.Stat_t); ok {
		info.Ino, info.Links = uint64(s.Ino), uint32(s.Nlink)
	}
	return info
}
