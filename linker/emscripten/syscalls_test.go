package emscripten

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// A program works with files as C does.
func TestFileCalls(t *testing.T) {
	for _, halves := range []bool{false, true} {
		t.Run(fmt.Sprintf("halves=%t", halves), func(t *testing.T) {
			k := newCaller(t, halves, nil)
			wide := func(v int) []any { // a 64-bit argument
				if halves {
					return []any{uint64(uint32(v)), uint64(uint32(int64(v) >> 32))}
				}
				return []any{uint64(int64(v))}
			}
			mode := k.text(9, "\xa4\x01") // 0o644
			k.want(neg(vfs.ENOENT), "__syscall_openat", atCwd&0xffffffff, "/tmp/x", oRdOnly, 0)
			k.want(3, "__syscall_openat", atCwd&0xffffffff, "/tmp/x", create, mode)
			k.want(neg(vfs.EEXIST), "__syscall_openat", atCwd&0xffffffff, "/tmp/x", create|oExcl,
				mode)
			k.want(neg(vfs.ENOTDIR), "__syscall_openat", atCwd&0xffffffff, "/tmp/x", oDirectory, 0)
			k.write(3, "hello world")
			seek := func(want int32, off, whence int) {
				t.Helper()
				k.want(want, "fd_seek",
					slices.Concat([]any{3}, wide(off), []any{whence, scratch + 200})...)
			}
			seek(0, -5, 2)
			if at := k.u32(scratch + 200); at != 6 {
				t.Errorf("five before the end is %d", at)
			}
			if s := k.read(3, 100); s != "world" {
				t.Errorf("read %q", s)
			}
			if s := k.read(3, 100); s != "" {
				t.Errorf("read %q at the end", s)
			}
			seek(int32(vfs.EINVAL), -1, 0)
			seek(int32(vfs.EINVAL), 0, 3)
			seek(0, 0, 0)
			k.vector(scratch+512, 4)
			k.want(0, "fd_pread",
				slices.Concat([]any{3, scratch, 1}, wide(1), []any{scratch + 100})...)
			if s := k.get(scratch+512, k.u32(scratch+100)); s != "ello" {
				t.Errorf("read %q at 1", s)
			}
			k.put(scratch+512, "J")
			k.vector(scratch+512, 1)
			k.want(0, "fd_pwrite",
				slices.Concat([]any{3, scratch, 1}, wide(0), []any{scratch + 100})...)
			if s := k.read(3, 100); s != "Jello world" {
				t.Errorf("read %q", s)
			}
			k.want(0, "__syscall_ftruncate64", slices.Concat([]any{3}, wide(4))...)
			k.want(0, "__syscall_truncate64", slices.Concat([]any{"/tmp/x"}, wide(5))...)
			k.want(0, "__syscall_fallocate", slices.Concat([]any{3, 0}, wide(2), wide(5))...)
			if b, err := k.FS().ReadFile("/tmp/x"); string(b) != "Jell\x00\x00\x00" || err != nil {
				t.Errorf("the file has %q, %v", b, err)
			}
			k.want(neg(vfs.EINVAL), "__syscall_ftruncate64", slices.Concat([]any{3}, wide(-1))...)
			k.want(0, "fd_sync", 3)
			k.want(4, "__syscall_dup", 3)
			k.want(0, "fd_close", 3)
			k.want(int32(vfs.EBADF), "fd_close", 3)
			k.want(0, "fd_seek", slices.Concat([]any{4}, wide(0), []any{0, scratch + 200})...)
			if s := k.read(4, 4); s != "Jell" {
				t.Errorf("a copy of a descriptor reads %q", s)
			}
			k.want(10, "__syscall_dup3", 4, 10, 0)
			if s := k.read(10, 1); s != "\x00" {
				t.Errorf("it has a position of its own: %q", s)
			}
			k.want(neg(vfs.EINVAL), "__syscall_dup3", 4, 4, 0)
			k.want(neg(vfs.EBADF), "__syscall_dup3", 4, 1<<20, 0)
			k.want(neg(vfs.EBADF), "__syscall_dup", 99)
			k.want(11, "__syscall_fcntl64", 10, fDupFDCloExec, k.text(8, "\x0b\x00\x00\x00"))
			k.want(oRdWr, "__syscall_fcntl64", 10, fGetFL, 0)
			k.want(0, "__syscall_fcntl64", 10, fSetFL,
				k.text(8, string(binary.LittleEndian.AppendUint32(nil, oAppend))))
			k.want(oRdWr|oAppend, "__syscall_fcntl64", 4, fGetFL, 0)
			k.write(10, "end")
			if b, _ := k.FS().ReadFile("/tmp/x"); string(b) != "Jell\x00\x00\x00end" {
				t.Errorf("appended: %q", b)
			}
			k.want(neg(vfs.EINVAL), "__syscall_fcntl64", 10, 999, 0)
			k.want(neg(vfs.ENOTTY), "__syscall_ioctl", 1, tcGets, 0)
			k.want(int32(vfs.EBADF), "fd_read", 77, scratch, 1, scratch+100)
			k.want(int32(vfs.EFAULT), "fd_read", 4, 1<<31, 1, scratch+100)
			k.want(int32(vfs.EINVAL), "fd_read", 4, scratch, 1<<20, scratch+100)
			k.want(int32(vfs.EFAULT), "fd_read", 4, scratch, 1, 1<<31)
			k.want(neg(vfs.EFAULT), "__syscall_openat", atCwd&0xffffffff, uint64(1<<32-1), oRdOnly,
				0)
		})
	}
}

// What is read-only is not written to, and the other way round.
func TestAccess(t *testing.T) {
	k := newCaller(t, false, nil)
	if err := k.FS().WriteFile("/x", []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	k.want(3, "__syscall_openat", atCwd&0xffffffff, "/x", oRdOnly, 0)
	k.want(4, "__syscall_openat", atCwd&0xffffffff, "/x", oWrOnly, 0)
	k.vector(scratch+512, 4)
	k.want(int32(vfs.EBADF), "fd_write", 3, scratch, 1, scratch+100)
	k.want(int32(vfs.EBADF), "fd_read", 4, scratch, 1, scratch+100)
	k.want(int32(vfs.EBADF), "fd_pwrite", 3, scratch, 1, 0, scratch+100)
	k.want(int32(vfs.EBADF), "fd_pread", 4, scratch, 1, 0, scratch+100)
	k.want(int32(vfs.EBADF), "fd_read", 1, scratch, 1, scratch+100)
	k.want(int32(vfs.EBADF), "fd_write", 0, scratch, 1, scratch+100)
	k.want(neg(vfs.EBADF), "__syscall_ftruncate64", 3, 0)
	k.want(neg(vfs.EISDIR), "__syscall_openat", atCwd&0xffffffff, "/tmp", oWrOnly, 0)
}

// Directories, links, and paths that are relative to the current or another directory.
func TestDirectoryCalls(t *testing.T) {
	k := newCaller(t, false, nil)
	k.want(0, "__syscall_mkdirat", atCwd&0xffffffff, "/tmp/dir", 0o777)
	k.want(neg(vfs.EEXIST), "__syscall_mkdirat", atCwd&0xffffffff, "/tmp/dir", 0o777)
	k.want(0, "__syscall_chdir", "/tmp/dir")
	k.want(neg(vfs.ENOENT), "__syscall_chdir", "nowhere")
	k.want(9, "__syscall_getcwd", scratch, 100)
	if s := k.get(scratch, 9); s != "/tmp/dir\x00" {
		t.Errorf("the current directory is %q", s)
	}
	k.want(neg(vfs.ERANGE), "__syscall_getcwd", scratch, 8)
	k.want(neg(vfs.EINVAL), "__syscall_getcwd", scratch, 0)
	k.want(3, "__syscall_openat", atCwd&0xffffffff, "file", create, k.text(9, "\xff\x01"))
	k.write(3, "12345")
	k.want(0, "__syscall_stat64", "../dir/file", scratch)
	info := []byte(k.get(scratch, statSize))
	if mode, size := binary.LittleEndian.Uint32(info[4:]),
		binary.LittleEndian.Uint64(info[24:]); mode != 0o100755 || size != 5 {
		t.Errorf("mode %o, size %d", mode, size) // 0o777 without the umask
	}
	k.want(0, "__syscall_symlinkat", "file", atCwd&0xffffffff, "link")
	k.want(4, "__syscall_readlinkat", atCwd&0xffffffff, "link", scratch, 100)
	if s := k.get(scratch, 4); s != "file" {
		t.Errorf("the link leads to %q", s)
	}
	k.want(neg(vfs.EINVAL), "__syscall_readlinkat", atCwd&0xffffffff, "file", scratch, 100)
	k.want(0, "__syscall_lstat64", "link", scratch)
	if mode := k.u32(scratch + 4); mode != 0o120777 {
		t.Errorf("the link's mode is %o", mode)
	}
	k.want(4, "__syscall_openat", atCwd&0xffffffff, "/tmp", oDirectory, 0)
	k.want(0, "__syscall_newfstatat", 4, "dir/link", scratch, 0)
	if size := k.u32(scratch + 24); size != 5 {
		t.Errorf("through the link: %d bytes", size)
	}
	k.want(0, "__syscall_newfstatat", 3, "", scratch, atEmptyPath)
	k.want(neg(vfs.EBADF), "__syscall_newfstatat", 99, "file", scratch, 0)
	k.want(neg(vfs.ENOTDIR), "__syscall_newfstatat", 3, "file", scratch, 0)
	k.want(0, "__syscall_linkat", atCwd&0xffffffff, "file", 4, "dir/hard", 0)
	k.want(0, "__syscall_renameat", 4, "dir/hard", 4, "moved")
	k.want(0, "__syscall_faccessat", 4, "moved", 0, 0)
	k.want(neg(vfs.EINVAL), "__syscall_faccessat", 4, "moved", 8, 0)
	k.want(0, "__syscall_chmod", "/tmp/moved", 0o600)
	k.want(0, "__syscall_fchmodat2", 4, "moved", 0o640, 0)
	k.want(0, "__syscall_fchownat", 4, "moved", 1, 1, 0)
	k.want(neg(vfs.ENOENT), "__syscall_fchownat", 4, "gone", 1, 1, 0)
	k.want(5*direntSize, "__syscall_getdents64",
		func() any { k.want(5, "__syscall_openat", atCwd&0xffffffff, "/", 0, 0); return 5 }(),
		scratch, 4000)
	k.want(0, "__syscall_getdents64", 5, scratch, 4000)
	var names []string
	for at := uint32(scratch); at < scratch+5*direntSize; at += direntSize {
		name, _, _ := strings.Cut(k.get(at+19, 256), "\x00")
		names = append(names, fmt.Sprintf("%s:%d", name, k.get(at+18, 1)[0]))
	}
	if got := strings.Join(names, " "); got != ".:4 ..:4 dev:4 home:4 tmp:4" {
		t.Errorf("the root has %s", got)
	}
	k.want(0, "fd_seek", 5, 0, 0, scratch+8000)
	k.want(2*direntSize, "__syscall_getdents64", 5, scratch, 2*direntSize)
	k.want(3*direntSize, "__syscall_getdents64", 5, scratch, 4000)
	k.want(neg(vfs.EINVAL), "__syscall_getdents64", 5, scratch, 10)
	k.want(neg(vfs.ENOTDIR), "__syscall_getdents64", 3, scratch, 4000)
	k.want(neg(vfs.ENOTEMPTY), "__syscall_unlinkat", atCwd&0xffffffff, "/tmp/dir", atRemoveDir)
	k.want(neg(vfs.EISDIR), "__syscall_unlinkat", atCwd&0xffffffff, "/tmp/dir", 0)
	k.want(0, "__syscall_unlinkat", 4, "moved", 0)
	k.want(0, "__syscall_statfs64", "/", 88, scratch)
	k.want(0, "__syscall_fchdir", 4)
	k.want(0, "__syscall_rmdir", func() any {
		k.want(0, "__syscall_mkdirat", 4, "empty", 0o700)
		return "empty"
	}())
	times := binary.LittleEndian.AppendUint64(nil, 1000)
	times = binary.LittleEndian.AppendUint64(times, 5)
	times = binary.LittleEndian.AppendUint64(times, 2000)
	times = binary.LittleEndian.AppendUint64(times, utimeOmit)
	k.put(scratch, string(times))
	k.want(0, "__syscall_utimensat", atCwd&0xffffffff, "/tmp/dir/file", scratch, 0)
	if i, _ := k.FS().Stat("/tmp/dir/file", true); !i.Accessed.Equal(time.Unix(1000, 5)) ||
		i.Modified.Equal(time.Unix(2000, 0)) {
		t.Errorf("times are %v and %v", i.Accessed, i.Modified)
	}
	k.want(0, "__syscall_utimensat", 3, 0, 0, 0)
	if i, _ := k.FS().Stat("/tmp/dir/file", true); !i.Modified.Equal(k.config.now()) {
		t.Errorf("modified at %v", i.Modified)
	}
}

// Devices and standard streams are there whatever the file system is.
func TestDevices(t *testing.T) {
	k := newCaller(t, false, func(c *Config) *Config { return c.WithFS(vfs.New()) })
	k.write(1, "to stdout\n")
	k.want(3, "__syscall_openat", atCwd&0xffffffff, "/dev/stderr", oWrOnly, 0)
	k.write(3, "to stderr\n")
	if k.stdout.String() != "to stdout\n" || k.stderr.String() != "to stderr\n" {
		t.Errorf("%q, %q", &k.stdout, &k.stderr)
	}
	k.want(4, "__syscall_openat", atCwd&0xffffffff, "/dev/null", oRdWr, 0)
	k.write(4, "away")
	if s := k.read(4, 10); s != "" {
		t.Errorf("/dev/null has %q", s)
	}
	k.want(5, "__syscall_openat", atCwd&0xffffffff, "/dev/urandom", oRdOnly, 0)
	if s := k.read(5, 3); s != "\xab\xab\xab" {
		t.Errorf("/dev/urandom has %q", s)
	}
	k.want(6, "__syscall_openat", atCwd&0xffffffff, "/dev/zero", oRdOnly, 0)
	if s := k.read(6, 3); s != "\x00\x00\x00" {
		t.Errorf("/dev/zero has %q", s)
	}
	if s := k.read(0, 4) + k.read(0, 100) + k.read(0, 100); s != "some input" {
		t.Errorf("input is %q", s)
	}
	k.want(0, "__syscall_stat64", "/dev/null", scratch)
	if mode := k.u32(scratch + 4); mode != 0o020666 {
		t.Errorf("mode %o", mode)
	}
	k.want(7, "__syscall_openat", atCwd&0xffffffff, "/dev/fd/4", oRdWr, 0)
	k.want(neg(vfs.ENOENT), "__syscall_openat", atCwd&0xffffffff, "/dev/fd/99", oRdWr, 0)
	k.want(int32(vfs.ESPIPE), "fd_seek", 1, 0, 0, scratch)
	k.want(0, "fd_fdstat_get", 1, scratch)
}

// What is written into a pipe comes out of it; what would wait for ever does not.
func TestPipes(t *testing.T) {
	k := newCaller(t, false, nil)
	k.want(0, "__syscall_pipe2", scratch+300, 0)
	r, w := int(k.u32(scratch+300)), int(k.u32(scratch+304))
	k.vector(scratch+512, 4)
	k.want(int32(vfs.EAGAIN), "fd_read", r, scratch, 1, scratch+100)
	polled := func(want int) {
		t.Helper()
		k.put(scratch+600, string(binary.LittleEndian.AppendUint32(nil, uint32(r)))+
			"\x01\x00\xff\xff")
		k.want(int32(want), "__syscall_poll", scratch+600, 1, 1<<32-1)
	}
	polled(0)
	k.write(w, "hello")
	polled(1)
	k.want(0, "__syscall_ioctl", r, fionread,
		k.text(8, string(binary.LittleEndian.AppendUint32(nil, scratch+700))))
	if n := k.u32(scratch + 700); n != 5 {
		t.Errorf("%d bytes are there", n)
	}
	if s := k.read(r, 100); s != "hello" {
		t.Errorf("%q", s)
	}
	k.want(0, "fd_close", w)
	polled(1)
	if s := k.read(r, 100); s != "" {
		t.Errorf("%q behind the end", s)
	}
	k.want(0, "__syscall_pipe2", scratch+300, 0)
	r, w = int(k.u32(scratch+300)), int(k.u32(scratch+304))
	k.want(0, "fd_close", r)
	k.vector(scratch+512, 4)
	k.want(int32(vfs.EPIPE), "fd_write", w, scratch, 1, scratch+100)
	k.want(int32(vfs.EBADF), "fd_read", w, scratch, 1, scratch+100)
}

// A mapping of a file is a copy, which a shared one writes back.
func TestMappings(t *testing.T) {
	k := newCaller(t, false, nil)
	if err := k.FS().WriteFile("/x", []byte("hello world"), 0o644); err != nil {
		t.Fatal(err)
	}
	k.want(3, "__syscall_openat", atCwd&0xffffffff, "/x", oRdWr, 0)
	k.want(0, "_mmap_js", 20, protWrite|1, 1, 3, 6, scratch+300, scratch+304)
	at := k.u32(scratch + 304)
	if s := k.get(at, 20); s != "world"+strings.Repeat("\x00", 15) || at%mapAlign != 0 ||
		k.u32(scratch+300) != 1 {
		t.Errorf("at %#x: %q", at, s)
	}
	k.put(at, "W")
	k.want(0, "_msync_js", uint64(at), 20, protWrite|1, 1, 3, 6)
	k.put(at+1, "O")
	k.want(0, "_munmap_js", uint64(at), 20, protWrite|1, mapPrivate, 3, 6)
	if b, _ := k.FS().ReadFile("/x"); string(b) != "hello World" {
		t.Errorf("the file has %q", b)
	}
	k.want(neg(vfs.ENODEV), "_mmap_js", 20, 1, 1, 1, 0, scratch+300, scratch+304)
	k.want(neg(vfs.EBADF), "_mmap_js", 20, 1, 1, 99, 0, scratch+300, scratch+304)
	k.want(neg(vfs.EINVAL), "_mmap_js", 0, 1, 1, 3, 0, scratch+300, scratch+304)
	k.want(neg(vfs.EFAULT), "_mmap_js", 1<<30, 1, 1, 3, 0, scratch+300, scratch+304)
}
