package dylink

import (
	"errors"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Read reads the dylink.0 or dylink section of a module, which must be its first section. Of the
// rest of the module, nothing is checked but the sizes of the sections, and that only when the
// first one is another.
//
// Sub-sections may come in any order and be repeated: lists are joined, and the last memory
// information counts. Unknown sub-sections are skipped.
//
// The error is [ErrNotLibrary] for a module without such a section, and a *[FormatError]
// otherwise: for what is not a module, a section that is not the first, a truncated one, an
// alignment of 2³² or more, a size that together with its alignment exceeds 2³² bytes (or table
// entries), a name that is not UTF-8 or holds NUL, more than [MaxNeeded] libraries
// or [MaxSymbols] symbols, and bytes left over.
func Read(module []byte) (*Info, error) {
	if err := wasm.CheckHeader(module); err != nil {
		var fe *wasm.FormatError
		if errors.As(err, &fe) {
			return nil, &FormatError{Offset: fe.Offset, Reason: fe.Reason, Err: fe.Err}
		}
		return nil, err
	}
	r := leb.NewReader(module)
	r.Bytes(wasm.HeaderSize, "header")
	name, body := customSection(r)
	if body.Failed() {
		return nil, formatError(body)
	}
	if name != sectionName && name != legacySectionName {
		return nil, notFirst(r)
	}
	info := &Info{}
	if name == legacySectionName {
		info.readLegacy(body)
	} else {
		info.readSubsections(body)
	}
	if body.Failed() {
		return nil, formatError(body)
	}
	return info, nil
}

// customSection reads a section. name is empty if it is not a custom one; otherwise body is what
// follows the name. body has the failure to read it, if any.
func customSection(r *leb.Reader) (name string, body *leb.Reader) {
	if r.Len() == 0 {
		return "", r
	}
	id := wasm.SectionID(r.Byte("section id"))
	body = r.Sub(r.U32("size of the section"), "section")
	if id == wasm.SectionCustom {
		name = body.Name("name of the section")
	}
	return name, body
}

// notFirst says why the first section, behind which r stands, is not ours. It looks at the
// others: a misplaced one is an error of its own, because such a module is meant to be a
// library.
func notFirst(r *leb.Reader) error {
	for r.Len() > 0 {
		at := r.Offset()
		name, body := customSection(r)
		if body.Failed() {
			return formatError(body)
		}
		if name == sectionName || name == legacySectionName {
			return &FormatError{Offset: at, Reason: name + " is not the first section"}
		}
	}
	return ErrNotLibrary
}

func formatError(r *leb.Reader) error {
	var at *leb.Error
	if errors.As(r.Err(), &at) {
		return &FormatError{Offset: at.Offset, Reason: at.Reason, Err: at.Cause}
	}
	return r.Err()
}

// readLegacy reads the older section: five fields, one after the other.
func (info *Info) readLegacy(r *leb.Reader) {
	info.Legacy = true
	info.readMemInfo(r)
	info.readNeeded(r)
	noMore(r, legacySectionName)
}

// readSubsections reads dylink.0. Failures end up in r.
func (info *Info) readSubsections(r *leb.Reader) {
	for r.Len() > 0 && !r.Failed() {
		code := r.Byte("code of a sub-section")
		start := r.Offset()
		sub := r.Sub(r.U32("size of a sub-section"), "sub-section")
		switch code {
		case memInfo:
			info.readMemInfo(sub)
		case needed:
			info.readNeeded(sub)
		case exportInfo:
			info.Exports = appendList(info.Exports, sub, 2, "exports", func() ExportInfo {
				return ExportInfo{Name: symbol(sub, "name of an export"),
					Flags: Flags(sub.U32("flags of an export"))}
			})
		case importInfo:
			info.Imports = appendList(info.Imports, sub, 3, "imports", func() ImportInfo {
				return ImportInfo{
					Module: symbol(sub, "module of an import"),
					Field:  symbol(sub, "name of an import"),
					Flags:  Flags(sub.U32("flags of an import")),
				}
			})
		case runtimePath:
			info.RuntimePath = appendList(info.RuntimePath, sub, 1, "runtime paths", func() string {
				return symbol(sub, "runtime path")
			})
		default:
			continue
		}
		tooMany(sub, start, len(info.Exports), MaxSymbols, "exports")
		tooMany(sub, start, len(info.Imports), MaxSymbols, "imports")
		noMore(sub, "sub-section")
		var at *leb.Error
		if errors.As(sub.Err(), &at) {
			r.Fail(at.Offset, at.Cause, "%s", at.Reason)
		}
	}
}

// readMemInfo reads sizes and alignments.
func (info *Info) readMemInfo(r *leb.Reader) {
	pair := func(what string) (size, alignment uint32) {
		at := r.Offset()
		size = r.U32(what + " size")
		alignAt := r.Offset()
		alignment = r.U32(what + " alignment")
		if alignment > 31 {
			r.Fail(alignAt, nil, "%s alignment 2^%d: the largest is 2^31", what, alignment)
			return size, alignment
		}
		// Neither an area of memory nor one of the table starts at 0, which is null. So the
		// lowest place is one alignment up, and the area has to end within 2^32 there.
		if uint64(size)+1<<alignment > 1<<32 {
			r.Fail(at, nil, "%s size %d with alignment 2^%d exceeds 2^32", what, size, alignment)
		}
		return size, alignment
	}
	info.MemorySize, info.MemoryAlignment = pair("memory")
	info.TableSize, info.TableAlignment = pair("table")
}

// readNeeded reads names of libraries.
func (info *Info) readNeeded(r *leb.Reader) {
	at := r.Offset()
	info.Needed = appendList(info.Needed, r, 1, "needed libraries", func() string {
		return symbol(r, "name of a needed library")
	})
	tooMany(r, at, len(info.Needed), MaxNeeded, "needed libraries")
}

// tooMany fails when there are more than most of something.
func tooMany(r *leb.Reader, at, n, most int, what string) {
	if n > most {
		r.Fail(at, nil, "%d %s: the largest number is %d", n, what, most)
	}
}

// appendList reads a length and that many elements of at least minSize bytes each.
func appendList[T any](list []T, r *leb.Reader, minSize int, what string, read func() T) []T {
	for n := r.Count(minSize, what); n > 0 && !r.Failed(); n-- {
		list = append(list, read())
	}
	return list
}

// symbol reads a name without NUL: C could not say such a name, and file systems cut it.
func symbol(r *leb.Reader, what string) string {
	at := r.Offset()
	name := r.Name(what)
	if strings.IndexByte(name, 0) >= 0 {
		r.Fail(at, nil, "%s: %s holds NUL", what, text.Quote(name))
	}
	return name
}

// noMore fails when bytes are left over.
func noMore(r *leb.Reader, what string) {
	if r.Len() > 0 {
		r.Fail(r.Offset(), nil, "%d bytes left over in %s", r.Len(), what)
	}
}
