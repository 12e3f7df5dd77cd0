package emscripten

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// Times, the environment, arguments, random numbers, and what else a process is.
func TestProcess(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	k := newCaller(t, false, func(c *Config) *Config { return c.WithLocation(zone).WithCores(3) })
	k.want(0, "environ_sizes_get", scratch, scratch+4)
	if n, size := k.u32(scratch), k.u32(scratch+4); n != 2 ||
		size != uint32(len("A=b\x00HOME=/home\x00")) {
		t.Errorf("%d variables of %d bytes", n, size)
	}
	k.want(0, "environ_get", scratch, scratch+100)
	if s := k.get(k.u32(scratch+4), 11); s != "HOME=/home\x00" {
		t.Errorf("the second is %q", s)
	}
	k.want(0, "random_get", scratch, 2)
	if s := k.get(scratch, 2); s != "\xab\xab" {
		t.Errorf("random numbers %q", s)
	}
	k.want(neg(vfs.EFAULT), "getentropy", 1<<31, 2)
	k.want(0, "clock_time_get", 0, 0, scratch)
	now := k.config.now()
	if got := int64(binary.LittleEndian.Uint64([]byte(k.get(scratch, 8)))); got != now.UnixNano() {
		t.Errorf("it is %d", got)
	}
	k.want(int32(vfs.EINVAL), "clock_time_get", 17, 0, scratch)
	summer := time.Date(2026, 7, 4, 5, 6, 7, 0, zone)
	k.want(0, "_localtime_js", uint64(summer.Unix()), scratch)
	for i, want := range []uint32{7, 6, 5, 4, 6, 126, 6, 184, 1, 7200} {
		if got := k.u32(scratch + uint32(4*i)); got != want {
			t.Errorf("field %d of local time is %d, want %d", i, got, want)
		}
	}
	r, err := k.Call(context.Background(), "call _mktime_js", scratch)
	if err != nil || int64(r[0]) != summer.Unix() {
		t.Errorf("mktime: %v, %v", r, err)
	}
	k.want(0, "_gmtime_js", uint64(summer.Unix()), scratch)
	if hour := k.u32(scratch + 8); hour != 3 {
		t.Errorf("in UTC it is %d o'clock", hour)
	}
	k.want(neg(vfs.EINVAL), "_gmtime_js", uint64(1<<62), scratch)
	k.want(0, "_tzset_js", scratch, scratch+4, scratch+8, scratch+40)
	if west, dst, names := int32(k.u32(scratch)), k.u32(scratch+4), k.get(scratch+8, 4)+
		k.get(scratch+40, 5); west != -3600 || dst != 1 || names != "CET\x00CEST\x00" {
		t.Errorf("zone %d, %d, %q", west, dst, names)
	}
	k.want(3, "emscripten_num_logical_cores")
	k.want(0o22, "__syscall_umask", 0o77)
	k.want(0o77, "__syscall_umask", 0o22)
	k.want(int32(vfs.EAGAIN), "__pthread_create_js", 0, 0, 0, 0)
	if _, err := k.Main(context.Background(), "x"); err == nil {
		t.Error("there is a main")
	}
	if code, err := Status(k.call("proc_exit", 7)); code != 7 || err != nil {
		t.Errorf("exit status %d, %v", code, err)
	}
}

// Addresses are known by their numbers.
func TestNames(t *testing.T) {
	k := newCaller(t, false, nil)
	for _, c := range []struct {
		node   any
		family int
		want   int32
		bytes  string
	}{{"127.0.0.1", 0, 0, "\x02\x00\x00\x50\x7f\x00\x00\x01"},
		{"localhost", 0, 0, "\x02\x00\x00\x50\x7f\x00\x00\x01"},
		{"::1", 0, 0, "\x0a\x00\x00\x50\x00\x00\x00\x00"}, {"::1", afInet, eaiNoName, ""},
		{"example.org", 0, eaiNoName, ""}, {0, 0, 0, "\x02\x00\x00\x50\x7f\x00\x00\x01"}} {
		hint := make([]byte, 32)
		hint[4] = byte(c.family)
		k.put(scratch, string(hint))
		k.want(c.want, "getaddrinfo", c.node, "80", scratch, scratch+100)
		if c.want != 0 {
			continue
		}
		at := k.u32(k.u32(scratch+100) + 20)
		if got := k.get(at, uint32(len(c.bytes))); got != c.bytes {
			t.Errorf("%v is %q", c.node, got)
		}
		k.want(0, "getnameinfo", uint64(at), 28, scratch+200, 50, scratch+300, 10, 0)
		if name, _, _ := strings.Cut(k.get(scratch+200, 50), "\x00"); c.node != 0 &&
			c.node != "localhost" && name != c.node {
			t.Errorf("%v is called %q", c.node, name)
		}
	}
	k.want(eaiService, "getaddrinfo", 0, "http", 0, scratch+100)
}

// Descriptors are limited, and so is what a program makes of files.
func TestLimits(t *testing.T) {
	fsys := vfs.New()
	if err := fsys.Mount("/", vfs.NewMemory(1000, 5)); err != nil {
		t.Fatal(err)
	}
	k := newCaller(t, false, func(c *Config) *Config { return c.WithFS(fsys).WithMaxFiles(5) })
	if err := fsys.WriteFile("/x", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for want := range int32(2) {
		k.want(want+3, "__syscall_openat", atCwd&0xffffffff, "/x", oRdWr, 0)
	}
	k.want(neg(vfs.EMFILE), "__syscall_openat", atCwd&0xffffffff, "/x", oRdWr, 0)
	k.want(neg(vfs.EFBIG), "__syscall_ftruncate64", 3, uint64(1<<40))
	k.want(0, "__syscall_ftruncate64", 3, 999)
	k.want(neg(vfs.EINVAL), "__syscall_fcntl64", 3, fDupFD, k.text(8, "\xff\x00\x00\x00"))
	for i := range 10 {
		_ = fsys.Mkdir(fmt.Sprint("/", i), 0o755)
	}
	if err := fsys.Mkdir("/more", 0o755); vfs.Number(err) != vfs.ENOSPC {
		t.Errorf("more files than there may be: %v", err)
	}
	if i, err := fsys.Stat("/x", true); err != nil || i.Size != 999 ||
		i.Mode != fs.FileMode(0o644) {
		t.Errorf("%+v, %v", i, err)
	}
}

// No function of the host panics or hangs, whatever it is called with.
func TestHostileCalls(t *testing.T) {
	k := newCaller(t, false, nil)
	values := []uint64{0, 1, 3, scratch, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1<<64 - 1}
	for _, name := range slices.Sorted(maps.Keys(merged(functions, wasiFunctions))) {
		if strings.HasSuffix(name, "sleep") {
			continue
		}
		f, ok := functions[name]
		if !ok {
			f = wasiFunctions[name]
		}
		types, _, _ := strings.Cut(f.types, "|")
		for round := range 40 {
			args := make([]any, len(types))
			for i := range args {
				v := values[(round*7+i*3+round/8*i)%len(values)]
				if types[i] != 'j' {
					v = uint64(uint32(v))
				}
				args[i] = v
			}
			_, err := k.call(name, args...)
			if err != nil && (strings.Contains(err.Error(), "runtime error") ||
				strings.Contains(err.Error(), "slice bounds")) {
				t.Fatalf("%s%v: %v", name, args, err)
			}
		}
	}
}
