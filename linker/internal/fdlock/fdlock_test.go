package fdlock

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func signature(n int) wasm.FuncType {
	var t wasm.FuncType
	for range n {
		t.Params = append(t.Params, wasm.I32)
	}
	t.Results = []wasm.ValType{wasm.I32}
	return t
}

// What a function needs follows from its name and its signature; one that is not known may do
// anything.
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		name       string
		params     int
		access     Access
		descriptor int
		streamed   bool
	}{
		{"clock_time_get", 3, None, -1, false},
		{"fd_read", 4, In, 0, true},
		{"fd_write", 4, Out, 0, true},
		{"fd_write", 0, Change, -1, false},
		{"fd_close", 1, Close, 0, false},
		{"fd_renumber", 2, Change, -1, false},
		{"fd_fdstat_set_flags", 2, Flags, 0, true},
		{"fd_filestat_get", 2, File, 0, true},
		{"path_open", 9, Change, -1, false},
		{"path_symlink", 5, File, 2, false},
		{"path_symlink", 2, Change, -1, false},
		{"sock_recv", 6, In, 0, false},
		{PollFunction, 4, File, 0, true},
		{PollFunction, 3, File, 0, false},
	} {
		access, descriptor := Classify(c.name, signature(c.params))
		if access != c.access || descriptor != c.descriptor {
			t.Errorf("%s with %d parameters: %d, %d, want %d, %d", c.name, c.params, access,
				descriptor, c.access, c.descriptor)
		}
		if streamed := Streamed(c.name, signature(c.params)); streamed != c.streamed {
			t.Errorf("%s with %d parameters is streamed: %v", c.name, c.params, streamed)
		}
	}
}

// A function whose descriptor is no number of 32 bits is not known, and only some functions have
// nothing to do with what waits.
func TestOtherSignatures(t *testing.T) {
	long := wasm.FuncType{Params: []wasm.ValType{wasm.I64, wasm.I32, wasm.I32, wasm.I32}}
	if access, descriptor := Classify("fd_write", long); access != Change || descriptor != -1 {
		t.Errorf("fd_write of a long: %d, %d", access, descriptor)
	}
	for name, quick := range map[string]bool{"clock_time_get": true, "args_get": true,
		"random_get": false, "fd_read": false} {
		if Quick(name) != quick {
			t.Errorf("%s is quick: %v", name, !quick)
		}
	}
}

// The mutex of a number lasts while a call has it or waits for it.
func TestMutexLasts(t *testing.T) {
	var k keyedLocks
	count := func() (locks, users int) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if l := k.locks[1]; l != nil {
			users = l.users
		}
		return len(k.locks), users
	}
	first, second := k.lock(1), make(chan func())
	go func() { second <- k.lock(1) }()
	for _, users := count(); users < 2; _, users = count() {
		runtime.Gosched()
	}
	first()
	unlock := <-second
	if locks, users := count(); locks != 1 || users != 1 {
		t.Errorf("%d mutexes, %d users", locks, users)
	}
	unlock()
	if locks, _ := count(); locks != 0 {
		t.Errorf("%d mutexes are left", locks)
	}
}

// Which calls exclude each other, and which are made in the instance of the standard streams.
func TestLocks(t *testing.T) {
	type call struct {
		access     Access
		descriptor int32
	}
	for _, c := range []struct {
		first, second call
		streams       uint64 // of the second
		excludes      bool
	}{
		{call{In, 0}, call{Out, 1}, 1, false},
		{call{In, 0}, call{In, 0}, 1, false},
		{call{Flags, 0}, call{In, 0}, 1, true},
		{call{File, 0}, call{File, 0}, 1, true},
		{call{File, 0}, call{In, 0}, 1, false},
		{call{In, 0}, call{Change, -1}, 0, false},
		{call{Flags, 5}, call{Out, 6}, 0, true},
		{call{In, 5}, call{Out, 5}, 0, false},
		{call{In, 5}, call{In, 5}, 0, true},
		{call{Out, 5}, call{Out, 6}, 0, false},
		{call{File, 5}, call{Out, 5}, 0, true},
		{call{Poll, -1}, call{In, 5}, 0, false},
		{call{Change, -1}, call{In, 5}, 0, true},
		{call{In, 5}, call{Close, 5}, 0, true},
		{call{Close, 1}, call{Poll, -1}, 0, true},
		{call{Change, -1}, call{None, -1}, 1, false},
	} {
		var l Locks
		_, unlock := l.Lock(c.first.access, c.first.descriptor)
		done := make(chan uint64)
		go func() {
			streams, unlock := l.Lock(c.second.access, c.second.descriptor)
			if unlock != nil {
				unlock()
			}
			done <- streams
		}()
		release := func() {
			if unlock != nil {
				unlock()
			}
		}
		var streams uint64
		if c.excludes {
			for range 1000 { // so that a call that need not wait comes to its end
				runtime.Gosched()
			}
			select {
			case <-done:
				t.Errorf("%v does not exclude %v", c.first, c.second)
				continue
			default:
			}
			release()
			streams = <-done
		} else {
			streams = <-done
			release()
		}
		if streams != c.streams {
			t.Errorf("%v is made in the instance of streams: %d", c.second, streams)
		}
		if n := len(l.inputs.locks) + len(l.outputs.locks); n != 0 {
			t.Errorf("after %v and %v %d locks are left", c.first, c.second, n)
		}
	}
}

// A number that was closed is no standard stream any more.
func TestClosedStream(t *testing.T) {
	var l Locks
	_, unlock := l.Lock(Close, 1)
	unlock()
	for descriptor, want := range map[int32]uint64{0: 1, 1: 0, 2: 1, 3: 0, -1: 0} {
		streams, unlock := l.Lock(Out, descriptor)
		unlock()
		if streams != want {
			t.Errorf("%d is a standard stream: %d", descriptor, streams)
		}
	}
}

// poll_oneoff of clocks alone looks nothing up; of standard streams it is made in their instance.
func TestPollAccess(t *testing.T) {
	subscriptions := func(descriptors ...int32) (all []byte) {
		for _, d := range descriptors {
			b := make([]byte, SubscriptionSize)
			if d >= 0 {
				b[8] = 1
				binary.LittleEndian.PutUint32(b[16:], uint32(d))
			}
			all = append(all, b...)
		}
		return all
	}
	var l Locks
	for _, c := range []struct {
		of         []int32
		access     Access
		descriptor int32
	}{
		{nil, None, 0}, {[]int32{-1, -1}, None, 0}, {[]int32{-1, 2}, In, 2},
		{[]int32{0, 1}, In, 1}, {[]int32{0, 3}, Poll, -1}, {[]int32{3, -1}, Poll, -1},
	} {
		access, descriptor := l.PollAccess(subscriptions(c.of...))
		if access != c.access || descriptor != c.descriptor {
			t.Errorf("%v: %d, %d, want %d, %d", c.of, access, descriptor, c.access, c.descriptor)
		}
	}
}
