package wasm

// ExportTable returns a copy of module b, of which m is the decoded form, in which the first table
// of functions that the module defines is exported under a name, and can grow without a limit of
// its own. The result is false, and b itself, if the module defines none, exports one already, or
// uses the name for something else.
func ExportTable(b []byte, m *Module, name string) ([]byte, bool) {
	if _, taken := m.ExportByName(name); taken {
		return b, false
	}
	for _, e := range m.Exports {
		if t, ok := m.TableType(e.Index); e.Kind == KindTable && ok && t.Elem == FuncRef {
			return b, false
		}
	}
	for i, t := range m.Tables {
		if t.Type.Elem != FuncRef {
			continue
		}
		tables := append([]Table(nil), m.Tables...)
		tables[i].Type.Limits = Limits{Min: t.Type.Min}
		w := rewriter{b: b, m: m, out: appendHeader(make([]byte, 0, len(b)+64))}
		w.addExport = []Export{{Name: name, Kind: KindTable,
			Index: uint32(m.Imported(KindTable) + i)}}
		for _, s := range m.Sections {
			w.insertBefore(sections[s.ID].rank)
			switch s.ID {
			case SectionTable:
				w.out = appendList(w.out, SectionTable, tables, appendTable)
			case SectionExport:
				w.extend(s, appendVector(nil, w.addExport, appendExport))
				w.addExport = nil
			default:
				w.out = append(w.out, b[s.Offset:s.End]...)
			}
		}
		w.insertBefore(len(sections))
		return w.out, true
	}
	return b, false
}
