//go:build unix

package image

import (
	"io/fs"
	"syscall"
)

// fileIdentity is what two paths of one file have in common.
type fileIdentity struct{ device, inode uint64 }

// identityOf returns the identity of a file, if the operating system has one for it.
func identityOf(info fs.FileInfo) (fileIdentity, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileIdentity{}, false
	}
	//nolint:unconvert // their types depend on the system
	return fileIdentity{uint64(stat.Dev), uint64(stat.Ino)}, true
}
