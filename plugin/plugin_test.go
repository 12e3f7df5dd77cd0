package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/cabi"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/plugin"
)

func counter(t *testing.T, version int) []byte {
	t.Helper()
	wasm, err := os.ReadFile(fmt.Sprintf("testdata/counter-%d.wasm", version))
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func newHost(t *testing.T, threads int) *plugin.Host {
	t.Helper()
	h, err := plugin.New(t.Context(), plugin.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// A plug-in is loaded, used with C strings and libc's malloc, replaced, and unloaded.
func TestHost(t *testing.T) {
	ctx, h := t.Context(), newHost(t, 2)
	for v := 1; v <= 2; v++ {
		if err := h.Load(ctx, "counter", counter(t, v)); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Call(ctx, "counter", "version"); err != nil || got[0] != uint64(v) {
			t.Errorf("version %v, %v; want %d", got, err, v)
		}
		err := h.Use(ctx, "counter", func(u *plugin.Use) error {
			greet, err := cabi.Bind[func(context.Context, string) (cabi.Pointer, error)](
				ctx,
				u.Group,
				u.Library,
				"greet",
			)
			if err != nil {
				return err
			}
			at, err := greet(ctx, "Grace")
			if err != nil {
				return err
			}
			text, err := cabi.String(u.Group, at)
			if want := []string{"hello, Grace", "salve, Grace"}[v-1]; err == nil && text != want {
				t.Errorf("%q, want %q", text, want)
			}
			return errors.Join(err, cabi.Free(ctx, u.Group, at))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := h.Plugins(); !reflect.DeepEqual(got, []string{"counter"}) {
		t.Errorf("plug-ins %q", got)
	}
	if err := h.Unload(ctx, "counter"); err != nil {
		t.Fatal(err)
	}
	var pe *plugin.Error
	if _, err := h.Call(ctx, "counter", "version"); !errors.Is(err, plugin.ErrNotLoaded) ||
		!errors.As(err, &pe) ||
		pe.Plugin != "counter" {
		t.Errorf("after unloading: %v", err)
	}
	if err := h.Unload(ctx, "counter"); !errors.Is(err, plugin.ErrNotLoaded) {
		t.Errorf("unloading twice: %v", err)
	}
}

// While four threads call it, a plug-in is replaced again and again: every use sees one version
// only, and each call counts.
func TestReplaceWhileUsed(t *testing.T) {
	ctx, h := t.Context(), newHost(t, 4)
	if err := h.Load(ctx, "counter", counter(t, 1)); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	var uses [3]atomic.Int64
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				err := h.Use(ctx, "counter", func(u *plugin.Use) error {
					first, err := u.Group.Call(ctx, u.Library, "version")
					if err != nil {
						return err
					}
					second, err := u.Group.Call(ctx, u.Library, "version")
					if err == nil && first[0] != second[0] {
						t.Errorf("one use saw the versions %d and %d", first[0], second[0])
					}
					uses[first[0]].Add(1)
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 20 {
		before := uses[1+i%2].Load()
		// the present version is used before it is replaced
		for uses[1+i%2].Load() == before && !t.Failed() {
			if _, err := h.Call(ctx, "counter", "counted"); err != nil {
				t.Error(err)
			}
		}
		if err := h.Load(ctx, "counter", counter(t, 1+(i+1)%2)); err != nil {
			t.Error(err)
			break
		}
	}
	stop.Store(true)
	wg.Wait()
	if uses[1].Load() == 0 || uses[2].Load() == 0 {
		t.Errorf("uses of the versions: %d, %d", uses[1].Load(), uses[2].Load())
	}
}

// A version that cannot be loaded leaves the old one in use.
func TestLoadFails(t *testing.T) {
	ctx, h := t.Context(), newHost(t, 1)
	if err := h.Load(ctx, "counter", counter(t, 1)); err != nil {
		t.Fatal(err)
	}
	header := []byte("\x00asm\x01\x00\x00\x00")
	needs := (&dylink.Info{Needed: []string{"libnone.so"}}).Append(header)
	for name, wasm := range map[string][]byte{"no module": []byte("hello"), "no library": header,
		"what it needs is missing": needs} {
		var le *linker.LoadError
		if err := h.Load(ctx, "counter", wasm); !errors.As(err, &le) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := h.Call(ctx, "counter", "version"); err != nil || got[0] != 1 {
		t.Errorf("the old version: %v, %v", got, err)
	}
}

func TestClosed(t *testing.T) {
	ctx, h := t.Context(), newHost(t, 1)
	if err := h.Load(ctx, "counter", counter(t, 1)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.Close(ctx), h.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	if err := h.Use(ctx, "counter", func(*plugin.Use) error { return nil }); !errors.Is(
		err,
		plugin.ErrClosed,
	) {
		t.Errorf("using it: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if h, err := plugin.New(cancelled, plugin.Options{Threads: 1000}); err == nil || h != nil {
		t.Errorf("a thousand threads: %v", err)
	}
}

// A version that the program does not want is refused and unloaded, and the old one stays.
func TestCheck(t *testing.T) {
	unwanted := errors.New("it is the second version")
	checked := 0
	h, err := plugin.New(t.Context(), plugin.Options{
		Check: func(ctx context.Context, u *plugin.Use) error {
			checked++
			got, err := u.Group.Call(ctx, u.Library, "version")
			if err == nil && got[0] == 2 {
				err = unwanted
			}
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := h.Load(ctx, "counter", counter(t, 1)); err != nil {
		t.Fatal(err)
	}
	var pe *plugin.Error
	if err := h.Load(ctx, "counter", counter(t, 2)); !errors.Is(err, unwanted) ||
		!errors.As(err, &pe) || pe.Plugin != "counter" {
		t.Errorf("an unwanted version: %v", err)
	}
	got, err := h.Call(ctx, "counter", "version")
	if err != nil || got[0] != 1 || checked != 2 {
		t.Errorf("version %v, %v, after %d checks", got, err, checked)
	}
	if err := h.Close(ctx); err != nil {
		t.Error(err)
	}
}
