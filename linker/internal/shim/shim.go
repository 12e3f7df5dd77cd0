package shim

import (
	"strconv"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// Use returns the namespace by which the bridge imports from a module. It does not tell which one
// that is, so that the bridge of a library that is loaded again is the same code.
func (br *Shim) Use(m *image.Module) string {
	if m.HostName != "" {
		return m.HostName
	}
	i, ok := br.numbers[m]
	if !ok {
		if br.numbers == nil {
			br.numbers = map[*image.Module]int{}
		}
		i = len(br.modules)
		br.modules, br.numbers[m] = append(br.modules, m), i
	}
	return usedPrefix + strconv.Itoa(i)
}

// Namespace is the reverse of use; other namespaces are what they are.
func (br *Shim) Namespace(name string) string {
	if i, err := strconv.Atoi(strings.TrimPrefix(name, usedPrefix)); err == nil &&
		strings.HasPrefix(name, usedPrefix) {
		return ImportName(br.modules[i])
	}
	return name
}

// Exports of the generated modules that every group has.
const (
	BasePLT          = "links"
	BaseGrowPLT      = "grow_links"
	BaseClearPLT     = "clear_link"
	BaseStackPointer = "stack_pointer"
	BasePoll         = "poll" // a pollFlag
	TableGrow        = "grow"
	TableSize        = "size"
	TableClear       = "clear"
	PutSlot          = "put"  // (slot, i): function i into the function table
	PutPLT           = "link" // (entry, i): function i into the link table
)
