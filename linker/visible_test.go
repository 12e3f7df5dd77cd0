package linker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker"
)

func equalLines(a, b []string) bool { return slices.Equal(a, b) }

// look reads the number of operations and then a symbol, which must not be older.
func (i *image) look() {
	i.Helper()
	n := i.l.Commits()
	var r linker.Receipt
	if _, err := i.g.Symbol(linker.WithReceipt(context.Background(), &r), linker.Default,
		"chain_c"); err != nil {
		i.Error(err)
	}
	if !r.Known || r.Read < n {
		i.Errorf("Commits() = %d, and then Symbol reads at %d", n, r.Read)
	}
}

// Number, libraries and symbols are of one snapshot, for every reader at every moment: also what is
// called when an instance of an unloaded library is closed. That holds no lock, so it may call the
// linker, too.
func TestCloseNotifierLooks(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	other := i.spawn()
	i.open("chain_a")
	i.symbol(linker.Default, "chain_c")
	var notified int
	over := false // closing the linker closes instances, too
	ctx := experimental.WithCloseNotifier(i.ctx,
		experimental.CloseNotifyFunc(func(ctx context.Context, _ uint32) {
			if over {
				return
			}
			notified++
			i.look()
			if slices.Contains(i.l.Libraries(), "libcounter.wasm") {
				t.Error("an instance of a library is closed that is there")
			}
			if notified > 1 {
				return
			}
			if _, err := other.g.Open(ctx, "libdiamond_top.wasm"); err != nil {
				t.Errorf("Open in another group: %v", err)
			}
			if _, err := i.g.Open(ctx, "libdata.wasm"); err != nil {
				t.Errorf("Open with the context of the close: %v", err)
			}
		}))
	lib, err := i.g.Open(ctx, "libcounter.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if err := i.g.CloseLibrary(ctx, lib); err != nil {
		t.Fatal(err)
	}
	over = true
	if notified == 0 {
		t.Error("no instance was closed")
	}
	for _, want := range []string{"libdiamond_top.wasm", "libdata.wasm"} {
		if !slices.Contains(i.l.Libraries(), want) {
			t.Errorf("%s is not there", want)
		}
	}
}

// The same while another goroutine links.
func TestLooksWhileOthersLink(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	i.open("chain_a")
	i.symbol(linker.Default, "chain_c")
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				i.look()
			}
		}
	})
	for range 50 {
		lib := i.open("counter")
		if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
}

// Handles of an operation that has not been committed are not seen, and when it fails they never
// are.
func TestHandlesAreSeenWhenCommitted(t *testing.T) {
	fail := errors.New("on purpose")
	var i *image
	handles := func() int {
		for _, m := range i.l.Modules() {
			if m.Name == "libcounter.wasm" {
				return m.Handles
			}
		}
		return 0
	}
	var seen []int
	i = newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithHook(func(_ context.Context, _ *linker.Group, point string) error {
			if i == nil || point != linker.Points.Publish {
				return nil
			}
			if seen = append(seen, handles()); len(seen) == 3 {
				return fail
			}
			return nil
		})
	})
	first := i.open("counter")
	i.open("counter")
	if _, err := i.g.Open(i.ctx, "libcounter.wasm"); !errors.Is(err, fail) {
		t.Errorf("%v, want the failure", err)
	}
	seen = append(seen, handles())
	if err := i.g.CloseLibrary(i.ctx, first); err != nil {
		t.Error(err)
	}
	if seen = append(seen, handles()); !slices.Equal(seen, []int{0, 1, 2, 2, 1}) {
		t.Errorf("handles %v, want [0 1 2 2 1]", seen)
	}
}
