package adversary_test

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/lockstep-wasm/lockstep/linker"
)

// command makes a main module one that can be run: its function "log_clear", which takes nothing
// and returns nothing, is "_start" as well.
func command(main []byte) ([]byte, error) {
	const exports, name, start = 7, "log_clear", "_start"
	for at := 8; at < len(main); {
		id := main[at]
		size, n := binary.Uvarint(main[at+1:])
		body := at + 1 + n
		next := body + int(size)
		if id != exports {
			at = next
			continue
		}
		section := main[body:next]
		count, n := binary.Uvarint(section)
		entry := bytes.Index(section, append([]byte{byte(len(name))}, name...))
		if entry < 0 {
			break
		}
		kindAndIndex := section[entry+1+len(name):]
		_, width := binary.Uvarint(kindAndIndex[1:])
		made := binary.AppendUvarint(nil, count+1)
		made = append(made, section[n:]...)
		made = append(append(made, byte(len(start))), start...)
		made = append(made, kindAndIndex[:1+width]...)
		file := append(bytes.Clone(main[:at]), exports)
		file = binary.AppendUvarint(file, uint64(len(made)))
		return append(append(file, made...), main[next:]...), nil
	}
	return nil, errors.New("adversary: the main module does not export log_clear")
}

// run runs the main module as a command while others use the image. That ends the first group.
func (d *doing) run() error {
	if d.c.host() && d.im.l.Main() != d.c.member.g || d.a.value > 5 {
		return nil // it would enter a group of a lower rank
	}
	ended := true
	for _, m := range d.im.groups() {
		if m.g == d.im.l.Main() {
			m.doomed.Store(true)
			d.m, ended = m, false
		}
	}
	d.im.exited.Store(true)
	code, err := d.im.l.Run(d.ctx)
	if ended { // the first group has ended before, and is no member any more
		if err == nil {
			d.fail("the main module runs in a group that has ended")
		}
		if errors.Is(err, linker.ErrGroupClosed) || errors.Is(err, linker.ErrClosed) {
			return nil
		}
	}
	if err != nil && code != 0 {
		d.fail("an exit code and an error: %d, %v", code, err)
	}
	if err == nil && d.m.g == d.im.l.Main() {
		d.im.forget(d.m)
	}
	return err
}

func (im *image) groups() []*member {
	members, _, _ := im.known()
	return members
}

// ask asks what takes no lock: about libraries, groups and memory.
func (d *doing) ask() error {
	im := d.im
	if d.m.g.Linker() != im.l || d.m.g.ID() < 0 || d.m.g.Thread() < 0 {
		d.fail("group %d, thread %d of another linker", d.m.g.ID(), d.m.g.Thread())
	}
	h := im.handle(d.a.handle)
	if h != nil {
		sure, closed := h.sure(), h.closed.Load()
		lib := d.w.cat.libraryOf(h.name)
		found := false
		for _, s := range h.lib.Symbols() {
			found = found || s.Name == lib.function && s.Module == h.name
		}
		switch {
		case closed && found:
			d.fail("%s is closed, and has the symbol %s", h.name, lib.function)
		case sure && h.sure() && !found && !im.ends():
			d.fail("%s is open, and has no symbol %s", h.name, lib.function)
		case h.lib.Name() != h.name:
			d.fail("the name of %s is %s", h.name, h.lib.Name())
		case sure && h.sure() && h.lib.File() == "":
			d.fail("%s comes from no file", h.name)
		}
	}
	if im.ends() {
		return nil
	}
	kept := false
	for _, s := range im.l.Symbols() {
		kept = kept || s.Name == "kept_f" && s.Kind == linker.Function
	}
	name := guestNames[d.a.name%len(guestNames)]
	got, ok := im.l.View(im.names[name], uint32(len(name)))
	if !im.ends() && (!kept || !ok || string(got) != name) {
		d.fail("kept_f is a symbol: %v; at %d is %q, %v", kept, im.names[name], got, ok)
	}
	if size := d.m.g.Memory().Size(); !im.ends() && size < im.began {
		d.fail("the memory has %d bytes, and had %d", size, im.began)
	}
	return nil
}
