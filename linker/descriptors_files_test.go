package linker_test

import (
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// All groups use one file, one folder and the standard streams at once: nothing meets that must
// not. It is for the race detector.
func TestDescriptorsAreShared(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(folder+"/file", []byte("contents of a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer feed.Close()
	config := wazero.NewModuleConfig().WithStdin(pipe).WithFSConfig(
		wazero.NewFSConfig().WithDirMount(folder, "/"))
	groups := wasiGroups(t, 4, config)
	fd := groups[0].openFile("file")
	var wg sync.WaitGroup
	for _, g := range groups {
		wg.Go(func() {
			for range 30 {
				for _, d := range []uint64{fd, 3, 0} {
					g.must("fd_filestat_get", d, uint64(g.at))
					g.must("fd_fdstat_get", d, uint64(g.at))
				}
				g.must("fd_fdstat_set_flags", fd, 1) // append
				g.must("fd_fdstat_set_flags", 0, 0)
				g.must("fd_seek", fd, 0, 0, uint64(g.at))
				g.must("fd_readdir", 3, uint64(g.at+wasiBuffer), 200, 0, uint64(g.at))
				copy(g.bytes(wasiPath, 4), "file")
				g.must("path_filestat_get", 3, 0, uint64(g.at+wasiPath), 4, uint64(g.at+wasiBuffer))
				g.must("fd_close", g.openFile("file"))
			}
		})
	}
	wg.Wait()
	if got := groups[0].openFile("file"); got != fd+1 {
		t.Errorf("something is open still: the next number is %d", got)
	}
}

// tellingFS says when a file is opened, and opens it when the gate is.
type tellingFS struct{ opening, gate chan struct{} }

func (f tellingFS) Open(name string) (fs.File, error) {
	if name == "slow" {
		f.opening <- struct{}{}
		<-f.gate
		return someFiles.Open("file")
	}
	return someFiles.Open(name)
}

// A group that waits for the table of files, because another one opens a file and that takes long,
// waits parked.
func TestWaitingForFilesHoldsUpNobody(t *testing.T) {
	files := tellingFS{make(chan struct{}), make(chan struct{})}
	parked := make(chan int, 1024)
	groups := wasiGroupsOf(t, 3, func(c *linker.Config) *linker.Config {
		mount := wazero.NewFSConfig().WithFSMount(files, "/")
		return c.WithModuleConfig(wazero.NewModuleConfig().WithFSConfig(mount)).WithObserver(
			func(e coord.Event) {
				if e.Step.Action == protocol.ActPark {
					parked <- int(e.Step.Group)
				}
			})
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if got := groups[1].read(groups[1].openFile("slow"), 100); got != "contents of a file" {
			t.Errorf("read %q", got)
		}
	}()
	<-files.opening
	for len(parked) > 0 {
		<-parked
	}
	closed := make(chan uint64)
	go func() { closed <- groups[2].wasi("fd_close", 77) }()
	if got := <-parked; got != groups[2].g.ID() {
		t.Fatalf("group %d has parked, not %d", got, groups[2].g.ID())
	}
	groups[0].print(1, "standard streams are not in the table")
	groups[0].open("counter")
	close(files.gate)
	<-done
	if errno := <-closed; errno != wasiBadf {
		t.Errorf("fd_close: error %d", errno)
	}
	groups[2].want(101, linker.Default, "counter_next")
}
