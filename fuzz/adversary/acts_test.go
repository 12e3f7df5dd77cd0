package adversary_test

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/lockstep-wasm/lockstep/linker"
)

// caller is who performs an act: a task, or a host function that a guest has called.
type caller struct {
	ctx    context.Context
	member *member // whose guest has called the host function; nil for a task
	rank   int     // of the innermost group that the caller is inside
	depth  int     // of host functions within each other
	// building is the library whose constructor has called, or "".
	building  string
	operation bool // a constructor or a destructor has called
	inside    bool // it is a goroutine that a host function waits for
	foreign   bool // the context is that of another goroutine's call, which may be over
}

func (c caller) host() bool { return c.member != nil }

// doing is an act that is under way.
type doing struct {
	w      *world
	c      caller
	a      act
	im     *image
	m      *member
	ctx    context.Context // with the act's fuse
	before uint64          // the newest number when it began
}

func (d *doing) String() string {
	return fmt.Sprintf(
		"%v (group %d of image %d, host %v, fuse %v)",
		d.a.kind,
		d.m.g.ID(),
		d.im.number,
		d.c.host(),
		d.a.fuse,
	)
}

// fail notes what must not be.
func (d *doing) fail(format string, args ...any) {
	d.w.fail("%v: %s", d, fmt.Sprintf(format, args...))
}

// perform performs an act and judges what came of it.
func (w *world) perform(c caller, a act) {
	d := &doing{w: w, c: c, a: a}
	if d.aim() {
		d.do()
	}
}

// performIn is perform in a certain group.
func (w *world) performIn(c caller, m *member, a act) {
	d := &doing{w: w, c: c, a: a, im: m.im, m: m}
	d.do()
}

func (d *doing) do() {
	w, c, a := d.w, d.c, d.a
	ctx, cancel := w.light(c.ctx, a.fuse)
	defer cancel()
	d.ctx = ctx
	number := w.steps.Add(1)
	w.running.Store(number, d.String())
	defer w.running.Delete(number)
	defer w.steps.Add(1)
	defer func() {
		if p := recover(); p != nil {
			if c.host() && isDeliberate(p) {
				panic(p)
			}
			d.fail("it panics: %v\n%s", p, debug.Stack())
		}
	}()
	d.before = d.im.newest.Load()
	d.im.tidy()
	err := handler(a.kind)(d)
	w.count(fmt.Sprintf("%v: %s", a.kind, class(err)))
	d.judge(err)
}

// aim picks the image and the group, and says whether there is one.
func (d *doing) aim() bool {
	if d.c.host() {
		d.im, d.m = d.c.member.im, d.c.member
		if d.a.other%3 == 0 { // another group, perhaps of another image
			if im := d.w.image(d.a.image); im != nil {
				if m := im.member(d.a.group, d.c.rank+1); m != nil {
					d.im, d.m = im, m
				}
			}
		}
		return true
	}
	d.im = d.w.image(d.a.image)
	if d.im.ends() && d.w.retire(d.im) > 1 {
		d.im = d.w.image(d.a.image)
	}
	d.m = d.im.member(d.a.group, 0)
	return d.m != nil
}

// handler returns what performs an act. The error is for judge, which knows what any act may end
// with; what is special about one is judged by itself, and then there is none.
func handler(k kind) func(d *doing) error {
	return [kinds]func(d *doing) error{
		opens: (*doing).open, opensBytes: (*doing).openBytes, closesLibrary: (*doing).closeLibrary,
		looksUp: (*doing).symbol, looksNext: (*doing).next, calls: (*doing).call,
		callsHost: (*doing).callHost, callsPointer: (*doing).callPointer,
		sharesClosure: (*doing).allocate, setsClosure: (*doing).set,
		callsClosure: (*doing).callClosure, freesClosure: (*doing).free, spawns: (*doing).spawn,
		closesGroup: (*doing).closeGroup, inspects: (*doing).inspect,
		guestLooksUp: (*doing).guestSymbol, guestAllocates: (*doing).guestMalloc,
		startsThreads:   (*doing).threads,
		waitsForThreads: (*doing).wait, opensForeign: (*doing).foreign,
		opensAll: (*doing).openAll, prepares: (*doing).prepare,
		callsPrepared: (*doing).callPrepared, makesCallback: (*doing).newCallback,
		callsCallback: (*doing).callCallback, freesCallback: (*doing).freeCallback,
		asks: (*doing).ask, runs: (*doing).run,
		asksOutside: (*doing).outside, exits: (*doing).exit, closesLinker: (*doing).closeLinker,
		makesLinker: (*doing).newLinker, usesKept: (*doing).useKept, blocks: (*doing).block,
		safepoints: (*doing).safepoint, panics: (*doing).panic, traps: (*doing).trap,
		keepsContext: (*doing).keep, sharesContext: (*doing).share,
		leavesBehind:     (*doing).leaveBehind,
		closesFromWithin: (*doing).closeFromWithin,
	}[k]
}

// library picks a library of the catalogue.
func (d *doing) library() library {
	names := d.w.cat.names
	return d.w.cat.byName[names[d.a.name%len(names)]]
}

// failing reports whether what the act opens cannot be opened.
func (d *doing) failing() bool {
	return d.library().never || d.a.kind == opensAll && d.second().never
}

// second picks another library of the catalogue, or the same.
func (d *doing) second() library {
	names := d.w.cat.names
	return d.w.cat.byName[names[d.a.handle%len(names)]]
}

var options = [][]linker.OpenOption{
	nil, {linker.Local}, {linker.Global}, {linker.Now}, {linker.NoLoad},
	{linker.Local, linker.Now}, {linker.NoLoad, linker.Global},
}

func (d *doing) open() error {
	lib := d.library()
	var r linker.Receipt
	got, err := d.m.g.Open(
		linker.WithReceipt(d.ctx, &r),
		lib.Name,
		options[d.a.value%len(options)]...)
	return d.opened(lib, got, r, err)
}

func (d *doing) openBytes() error {
	lib := d.library()
	data := d.w.cat.files[lib.Name].Data
	if d.a.value == 0 { // what is cut off
		got, err := d.m.g.OpenBytes(d.ctx, "cut.wasm", data[:d.a.handle*len(data)/12])
		if err == nil || got != nil {
			d.fail("a module that is cut off: %v, %v", got, err)
		}
		return nil
	}
	var r linker.Receipt
	got, err := d.m.g.OpenBytes(
		linker.WithReceipt(d.ctx, &r),
		"bytes_"+lib.Name,
		data,
		linker.Local,
	)
	return d.opened(lib, got, r, err)
}

// openAll opens two libraries at once, perhaps the same one twice.
func (d *doing) openAll() error {
	both := []library{d.library(), d.second()}
	var r linker.Receipt
	got, err := d.m.g.OpenAll(linker.WithReceipt(d.ctx, &r), []string{both[0].Name, both[1].Name},
		options[d.a.value%len(options)]...)
	if err != nil {
		if got != nil {
			d.fail("handles and an error: %v", err)
		}
		return err
	}
	for i, lib := range both {
		if err := d.opened(lib, got[i], r, nil); err != nil {
			return err
		}
	}
	return nil
}

// opened judges an opening.
func (d *doing) opened(lib library, got *linker.Library, r linker.Receipt, err error) error {
	if err != nil {
		if got != nil {
			d.fail("a handle and an error: %v", err)
		}
		return err
	}
	if lib.never && !d.c.operation { // its own constructor finds it loaded
		d.fail("%s was opened", lib.Name)
		return nil
	}
	h := &handle{lib: got, name: got.Name(), im: d.im, provisional: d.c.host()}
	if !h.provisional {
		d.im.numbered(d.String(), d.before, r)
		d.visible(h)
	}
	d.im.addHandle(h)
	return nil
}

// closeLibrary closes a handle, which others may do as well.
func (d *doing) closeLibrary() error {
	h := d.im.handle(d.a.handle)
	if h == nil {
		return nil
	}
	h.closers.Add(1)
	var r linker.Receipt
	err := d.m.g.CloseLibrary(linker.WithReceipt(d.ctx, &r), h.lib)
	switch outcome := closing(err); {
	case outcome == closedNow && d.c.operation: // unless the operation fails
		if d.finds(h) {
			d.fail("a constructor finds something through the handle of %s, which it has closed",
				h.name)
		}
	case outcome == closedNow && h.closed.Swap(true) && !h.provisional:
		d.fail("the handle of %s was closed twice", h.name)
	case outcome == closedNow:
		d.im.numbered(d.String(), d.before, r)
		if d.finds(h) {
			d.fail("a look-up through the handle of %s, which is closed", h.name)
		}
	case outcome == closedBefore:
		if h.closers.Add(-1) == 0 && !h.provisional {
			d.fail("the handle of %s is closed, and nobody has closed it", h.name)
		}
		return nil
	case outcome == stillOpen:
		h.closers.Add(-1)
	}
	return err
}

// finds tells whether a look-up through a handle finds its library's function.
func (d *doing) finds(h *handle) bool {
	_, err := d.m.g.Symbol(d.ctx, h.lib, d.w.cat.libraryOf(h.name).function)
	return err == nil
}
