package mutant

import (
	"bytes"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

func (m *mutation) aSection(k int) (section, bool) {
	if len(m.sections) == 0 {
		return section{}, false
	}
	return m.sections[k%len(m.sections)], true
}

func (m *mutation) removeSection() []byte {
	s, ok := m.aSection(m.which())
	if !ok {
		return m.module
	}
	return slices.Concat(m.module[:s.at], m.module[s.end:])
}

// copySection puts a section of the other module in the place of the one with the same id, or
// behind another one.
func (m *mutation) copySection() []byte {
	list := scan(m.other, 0).sections
	if len(list) == 0 {
		return m.module
	}
	from := list[m.which()%len(list)]
	payload := m.other[from.at:from.end]
	for _, s := range m.sections {
		if s.id == from.id && m.value()%4 != 0 {
			return slices.Concat(m.module[:s.at], payload, m.module[s.end:])
		}
	}
	s, ok := m.aSection(m.wide())
	if !ok {
		return append(bytes.Clone(m.module), payload...)
	}
	return slices.Concat(m.module[:s.end], payload, m.module[s.end:])
}

// moveSection puts a section before another one.
func (m *mutation) moveSection() []byte {
	a, ok := m.aSection(m.which())
	b, _ := m.aSection(m.wide())
	if !ok || a == b {
		return m.module
	}
	bytes := m.module[a.at:a.end]
	if a.at < b.at {
		return slices.Concat(m.module[:a.at], m.module[a.end:b.at], bytes, m.module[b.at:])
	}
	return slices.Concat(m.module[:b.at], bytes, m.module[b.at:a.at], m.module[a.end:])
}

// addCustom adds a custom section behind another section.
func (m *mutation) addCustom() []byte {
	list := names()
	payload := leb.AppendName(nil, list[m.wide()%len(list)])
	contents := [][]byte{
		nil, {1}, {1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f}, {1, 4, 0, 0, 0, 0, 2, 2, 1, 0},
		{0, 2, 1, 'm'},
		{2, 7, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f},
	}
	payload = append(payload, contents[int(m.value())%len(contents)]...)
	section := leb.AppendBytes([]byte{0}, payload)
	at := len(m.module)
	if s, ok := m.aSection(m.which()); ok {
		at = s.end
	}
	return slices.Concat(m.module[:at], section, m.module[at:])
}
