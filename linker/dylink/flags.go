package dylink

import (
	"fmt"
	"strings"
)

// Flags describe a symbol: an export or an import. Unknown bits are kept.
type Flags uint32

// The flags of the tool conventions, there with the prefix WASM_SYM_ or WASM_SYMBOL_.
const (
	BindingWeak      Flags = 1 << 0 // may be overridden (export) or missing (import)
	BindingLocal     Flags = 1 << 1 // not visible to other modules
	VisibilityHidden Flags = 1 << 2 // not meant for other modules
	Undefined        Flags = 1 << 4 // declared here, defined elsewhere
	Exported         Flags = 1 << 5 // exported whatever the linker was told
	ExplicitName     Flags = 1 << 6 // its name differs from the import's
	NoStrip          Flags = 1 << 7 // kept although it is not used
	TLS              Flags = 1 << 8 // thread-local: its address is relative to __tls_base
	Absolute         Flags = 1 << 9 // its address is not relative to __memory_base
)

// flagNames are in the order of the bits.
var flagNames = [...]struct {
	flag Flags
	name string
}{
	{BindingWeak, "BINDING_WEAK"},
	{BindingLocal, "BINDING_LOCAL"},
	{VisibilityHidden, "VISIBILITY_HIDDEN"},
	{Undefined, "UNDEFINED"},
	{Exported, "EXPORTED"},
	{ExplicitName, "EXPLICIT_NAME"},
	{NoStrip, "NO_STRIP"},
	{TLS, "TLS"},
	{Absolute, "ABSOLUTE"},
}

// Has reports whether all the given flags are set.
func (f Flags) Has(flags Flags) bool { return f&flags == flags }

// String returns the names with | between them, unknown bits in hexadecimal at the end, and
// "0" for no flag: "BINDING_WEAK|TLS|0x8000".
func (f Flags) String() string {
	if f == 0 {
		return "0"
	}
	var names []string
	for _, n := range flagNames {
		if f.Has(n.flag) {
			names = append(names, n.name)
			f &^= n.flag
		}
	}
	if f != 0 {
		names = append(names, fmt.Sprintf("%#x", uint32(f)))
	}
	return strings.Join(names, "|")
}
