package adversary_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// world is one run of a program: a runtime, and the images in it.
type world struct {
	p    *program
	cat  *catalogue
	main []byte
	rt   wazero.Runtime
	bell *bell

	steps   atomic.Int64   // begun or ended, for the watchdog
	behind  sync.WaitGroup // goroutines that host functions have left behind
	running sync.Map       // what is under way: act numbers to descriptions
	counts  sync.Map       // what happened, and how it ended: texts to *atomic.Int64
	stop    atomic.Bool    // something has failed
	over    atomic.Bool    // the tasks have ended, and scripts do nothing any more

	mu       sync.Mutex // guards what follows
	images   []*image   // in use
	made     []*image   // all that there have ever been
	kept     []keptContext
	failures []string
}

// shop is what all worlds share: compiled code, and the modules.
type shop struct {
	cat   *catalogue
	main  []byte
	cache wazero.CompilationCache
}

func openShop() (*shop, error) {
	cat, err := newCatalogue()
	if err != nil {
		return nil, err
	}
	main, err := os.ReadFile(testdata + "/main-pie.wasm")
	if err == nil {
		main, err = command(main)
	}
	if err != nil {
		return nil, err
	}
	return &shop{cat, main, wazero.NewCompilationCache()}, nil
}

func (s *shop) newWorld(ctx context.Context, p *program) (*world, error) {
	w := &world{p: p, cat: s.cat, main: s.main, bell: newBell()}
	w.rt = wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCompilationCache(s.cache))
	_, err := w.rt.NewHostModuleBuilder("env").
		NewFunctionBuilder().WithFunc(w.called).Export(hostCall).
		NewFunctionBuilder().WithFunc(w.noted).Export(hostNote).
		Instantiate(ctx)
	for i := 0; i < p.images && err == nil; i++ {
		_, err = w.newImage(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, w.rt.Close(ctx))
	}
	return w, nil
}

// guestNames are the names that guests look up.
var guestNames = []string{"kept_f", "leaf0_f", "leaf1_f", "nobody"}

// config is the configuration of the images.
func (w *world) config() *linker.Config {
	c := linker.NewConfig().WithFS(files{w.cat.files, w.bell}).WithObserver(w.bell.observe).
		WithStackSize(16<<10).WithMemoryPages(0, 1024).WithMaxGroups(mostGroups).
		WithDataAllocator(linker.OwnPages).
		WithPointerQuarantine(w.p.quarantine).WithLoopSafepoints(w.p.polls)
	if w.p.polling {
		c = c.WithWaiting(coord.Polling(coord.ReferenceBackoff()))
	}
	if w.p.logs {
		c = c.WithLogger(slog.New(w.bell))
	}
	return c
}

// mostGroups is how many groups there can be at once.
const mostGroups = 24

// newImage makes a linker, and opens in it what stays.
func (w *world) newImage(ctx context.Context) (*image, error) {
	l, err := linker.New(ctx, w.rt, w.main, w.config())
	if err != nil {
		if l != nil {
			w.fail("New: a linker and an error: %v", err)
		}
		return nil, fmt.Errorf("New: %w", err)
	}
	im := &image{w: w, l: l, names: map[string]uint32{}}
	for _, name := range []string{keptName, "libdlfcn.wasm", "libthread.wasm"} {
		if _, err := l.Main().Open(ctx, name, linker.NoDelete); err != nil {
			return nil, err
		}
	}
	for _, name := range guestNames {
		r, err := l.Main().Call(ctx, linker.Default, "malloc", uint64(len(name)+1))
		if err != nil {
			return nil, err
		}
		im.names[name] = uint32(r[0])
		l.Memory().Write(uint32(r[0]), append([]byte(name), 0))
	}
	im.began = l.Memory().Size()
	w.mu.Lock()
	defer w.mu.Unlock()
	im.number = len(w.made)
	w.made, w.images = append(w.made, im), append(w.images, im)
	im.addMember(l.Main())
	return im, nil
}

func (w *world) image(n int) *image {
	w.mu.Lock()
	defer w.mu.Unlock()
	return pick(w.images, n)
}

func (w *world) imageOf(l *linker.Linker) *image {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, im := range w.made {
		if im.l == l {
			return im
		}
	}
	return nil
}

// retire takes an image that has ended out of use, and says whether others are left.
func (w *world) retire(im *image) (left int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, x := range w.images {
		if x == im && len(w.images) > 1 {
			w.images = append(w.images[:i:i], w.images[i+1:]...)
			break
		}
	}
	return len(w.images)
}

// fail notes what must not be. The run goes on until all tasks have ended.
func (w *world) fail(format string, args ...any) {
	w.stop.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failures) < 20 {
		w.failures = append(w.failures, fmt.Sprintf(format, args...))
	}
}

// failed lists what must not have been.
func (w *world) failed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.failures)
}

func (w *world) count(what string) {
	n, _ := w.counts.LoadOrStore(what, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// run lets all tasks work at once, and waits for them.
func (w *world) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, acts := range w.p.tasks {
		wg.Go(func() {
			for _, a := range acts {
				if w.stop.Load() {
					return
				}
				w.perform(caller{ctx: ctx}, a)
			}
		})
	}
	wg.Wait()
	w.behind.Wait()
}
