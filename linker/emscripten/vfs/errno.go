package vfs

import (
	"errors"
	"io/fs"
	"strconv"
	"syscall"
)

// Errno is an error of a system call, numbered as WASI and Emscripten number them.
//
// Source: Emscripten's system/lib/libc/musl/arch/emscripten/bits/errno.h.
type Errno uint16

// The errors of files.
const (
	EACCES       Errno = 2
	EAGAIN       Errno = 6
	EBADF        Errno = 8
	EBUSY        Errno = 10
	ECHILD       Errno = 12
	EEXIST       Errno = 20
	EFAULT       Errno = 21
	EFBIG        Errno = 22
	EINVAL       Errno = 28
	EIO          Errno = 29
	EISDIR       Errno = 31
	ELOOP        Errno = 32
	EMFILE       Errno = 33
	EMLINK       Errno = 34
	ENAMETOOLONG Errno = 37
	ENODEV       Errno = 43
	ENOENT       Errno = 44
	ENOMEM       Errno = 48
	ENOSPC       Errno = 51
	ENOSYS       Errno = 52
	ENOTDIR      Errno = 54
	ENOTEMPTY    Errno = 55
	ENOTSUP      Errno = 58
	ENOTTY       Errno = 59
	EPERM        Errno = 63
	EPIPE        Errno = 64
	ERANGE       Errno = 68
	EROFS        Errno = 69
	ESPIPE       Errno = 70
	EXDEV        Errno = 75
)

var errnoTexts = map[Errno]string{
	EACCES: "permission denied", EAGAIN: "resource temporarily unavailable",
	EBADF: "bad file descriptor",
	EBUSY: "device or resource busy", ECHILD: "no child processes", EEXIST: "file exists",
	EFAULT: "bad address",
	EFBIG:  "file too large", EINVAL: "invalid argument", EIO: "input/output error",
	EISDIR: "is a directory",
	ELOOP:  "too many levels of symbolic links", EMFILE: "too many open files",
	EMLINK:       "too many links",
	ENAMETOOLONG: "file name too long", ENODEV: "no such device",
	ENOENT: "no such file or directory",
	ENOMEM: "cannot allocate memory", ENOSPC: "no space left on device",
	ENOSYS:  "function not implemented",
	ENOTDIR: "not a directory", ENOTEMPTY: "directory not empty",
	ENOTSUP: "operation not supported",
	ENOTTY:  "inappropriate ioctl for device", EPERM: "operation not permitted",
	EPIPE:  "broken pipe",
	ERANGE: "result too large", EROFS: "read-only file system", ESPIPE: "illegal seek",
	EXDEV: "invalid cross-device link",
}

// Error implements the error interface.
func (e Errno) Error() string {
	if s, ok := errnoTexts[e]; ok {
		return s
	}
	return "errno " + strconv.Itoa(int(e))
}

// Is makes errors.Is find the errors of package fs.
func (e Errno) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e == ENOENT
	case fs.ErrExist:
		return e == EEXIST || e == ENOTEMPTY
	case fs.ErrPermission:
		return e == EACCES || e == EPERM
	case fs.ErrInvalid:
		return e == EINVAL
	case fs.ErrClosed:
		return e == EBADF
	}
	return false
}

// hostErrnos are the errors of the host's own system calls.
var hostErrnos = map[syscall.Errno]Errno{
	syscall.EACCES: EACCES, syscall.EBADF: EBADF, syscall.EBUSY: EBUSY, syscall.EEXIST: EEXIST,
	syscall.EFBIG:  EFBIG,
	syscall.EINVAL: EINVAL, syscall.EISDIR: EISDIR, syscall.ELOOP: ELOOP, syscall.EMFILE: EMFILE,
	syscall.EMLINK:       EMLINK,
	syscall.ENAMETOOLONG: ENAMETOOLONG, syscall.ENOENT: ENOENT, syscall.ENOSPC: ENOSPC,
	syscall.ENOTDIR:   ENOTDIR,
	syscall.ENOTEMPTY: ENOTEMPTY, syscall.EPERM: EPERM, syscall.EROFS: EROFS, syscall.EXDEV: EXDEV,
	syscall.ENXIO: ENODEV,
}

// Number returns the error number that tells a program what err means; EIO when nothing better is
// known, and 0 for nil.
func Number(err error) Errno {
	if err == nil {
		return 0
	}
	if e := Errno(0); errors.As(err, &e) {
		return e
	}
	if e := syscall.Errno(0); errors.As(err, &e) {
		if n, ok := hostErrnos[e]; ok {
			return n
		}
	}
	for _, x := range []struct {
		err error
		no  Errno
	}{{fs.ErrNotExist, ENOENT}, {fs.ErrExist, EEXIST}, {fs.ErrPermission, EACCES},
		{fs.ErrInvalid, EINVAL}, {fs.ErrClosed, EBADF}} {
		if errors.Is(err, x.err) {
			return x.no
		}
	}
	return EIO
}
