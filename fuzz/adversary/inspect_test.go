package adversary_test

import (
	"cmp"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker"
)

// visible checks that a library that was just opened is there, unless a task has closed the handle.
// No task has it yet.
func (d *doing) visible(h *handle) {
	if !slices.Contains(d.im.l.Libraries(), h.name) {
		d.fail("%s was opened, and is not among the libraries %v", h.name, d.im.l.Libraries())
	}
	if !slices.ContainsFunc(
		d.im.l.Modules(),
		func(i linker.ModuleInfo) bool { return i.Name == h.name },
	) {
		d.fail("%s was opened, and is not among the modules", h.name)
	}
}

// inspect looks at the image without any lock: what it sees is one moment between two operations.
func (d *doing) inspect() error {
	im := d.im
	members, handles, _ := im.known()
	_ = members
	handles = slices.DeleteFunc(handles, func(h *handle) bool { return !h.sure() })
	commits := im.l.Commits()
	libs, modules := im.l.Libraries(), im.l.Modules()
	if commits < d.before || im.l.Commits() < commits {
		d.fail("Commits() is %d after number %d", commits, d.before)
	}
	if err := im.l.Err(); err != nil {
		d.fail("the image is poisoned: %v", err)
	}
	if im.ends() {
		return nil
	}
	var names []string
	for _, m := range modules {
		names = append(names, m.Name)
	}
	for _, h := range handles {
		if !h.sure() || im.ends() {
			continue
		}
		if !slices.Contains(libs, h.name) || !slices.Contains(names, h.name) {
			d.fail("%s is open, and not among the libraries %v or modules %v", h.name, libs, names)
		}
		d.address(h, modules)
	}
	d.whole(libs)
	d.whole(names)
	d.apart(modules)
	im.l.Notify(uint32(d.a.value)*4, 1)
	return nil
}

// whole checks that a list is one state of the image: each library has all that it needs, and none
// is there that cannot be opened.
func (d *doing) whole(names []string) {
	for _, name := range names {
		lib := d.w.cat.libraryOf(name)
		if lib.never {
			d.fail("%s is visible, and nobody can open it: %v", name, names)
		}
		for _, needed := range lib.Needed {
			if !slices.Contains(names, needed) {
				d.fail("%s is there without %s: %v", name, needed, names)
			}
		}
	}
}

// apart checks that no two modules share memory or table entries.
func (d *doing) apart(modules []linker.ModuleInfo) {
	if len(modules) == 0 || !modules[0].Main {
		d.fail("the main module is not the first one: %v", modules)
		return
	}
	for what, span := range map[string]func(linker.ModuleInfo) (uint32, uint32){
		"memory": func(m linker.ModuleInfo) (uint32, uint32) {
			return m.MemoryBase, m.MemorySize
		},
		"table entries": func(m linker.ModuleInfo) (uint32, uint32) {
			return m.TableBase, m.TableSize
		},
	} {
		list := slices.DeleteFunc(slices.Clone(modules), func(m linker.ModuleInfo) bool {
			_, size := span(m)
			return size == 0
		})
		slices.SortFunc(list, func(a, b linker.ModuleInfo) int {
			x, _ := span(a)
			y, _ := span(b)
			return cmp.Compare(x, y)
		})
		for i := range list[1:] {
			from, size := span(list[i])
			if next, _ := span(list[i+1]); from+size > next {
				d.fail("%s and %s share %s", list[i].Name, list[i+1].Name, what)
			}
		}
	}
}

// address checks that the data of an open library is known to be its.
func (d *doing) address(h *handle, modules []linker.ModuleInfo) {
	i := slices.IndexFunc(modules, func(m linker.ModuleInfo) bool { return m.Name == h.name })
	if i < 0 || modules[i].MemorySize == 0 {
		return
	}
	info, ok := d.im.l.Addr(modules[i].MemoryBase, linker.Data)
	if h.sure() && !d.im.ends() && (!ok || info.Module != h.name) {
		d.fail("address %d of %s is that of %+v, %v", modules[i].MemoryBase, h.name, info, ok)
	}
}
