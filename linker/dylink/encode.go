package dylink

import "github.com/lockstep-wasm/lockstep/linker/internal/leb"

// Append appends the section, with its id and size, to b: put it right behind the eight bytes
// of a module's header. With Legacy it is the older section, without what that one cannot
// hold. Lists that are empty are left out. What is written is not checked; [Read] does that.
func (info *Info) Append(b []byte) []byte {
	name, payload := info.Section()
	return leb.AppendBytes(append(b, 0), append(leb.AppendName(nil, name), payload...))
}

// Encode returns the section as Append writes it.
func (info *Info) Encode() []byte { return info.Append(nil) }

// Section returns the name and the content of the custom section.
func (info *Info) Section() (name string, payload []byte) {
	var mem []byte
	for _, v := range []uint32{info.MemorySize, info.MemoryAlignment, info.TableSize,
		info.TableAlignment} {
		mem = leb.AppendU32(mem, v)
	}
	if info.Legacy {
		return legacySectionName, encodeList(mem, info.Needed, leb.AppendName)
	}
	b := leb.AppendBytes([]byte{memInfo}, mem)
	b = subsection(b, needed, info.Needed, leb.AppendName)
	b = subsection(b, exportInfo, info.Exports, func(b []byte, e ExportInfo) []byte {
		return leb.AppendU32(leb.AppendName(b, e.Name), uint32(e.Flags))
	})
	b = subsection(b, importInfo, info.Imports, func(b []byte, i ImportInfo) []byte {
		return leb.AppendU32(leb.AppendName(leb.AppendName(b, i.Module), i.Field), uint32(i.Flags))
	})
	b = subsection(b, runtimePath, info.RuntimePath, leb.AppendName)
	return sectionName, b
}

// subsection appends a sub-section that is a list, unless it is empty.
func subsection[T any](b []byte, code byte, list []T, element func([]byte, T) []byte) []byte {
	if len(list) == 0 {
		return b
	}
	return leb.AppendBytes(append(b, code), encodeList(nil, list, element))
}

// encodeList appends a length and the elements.
func encodeList[T any](b []byte, list []T, element func([]byte, T) []byte) []byte {
	b = leb.AppendU32(b, uint32(len(list)))
	for _, v := range list {
		b = element(b, v)
	}
	return b
}
