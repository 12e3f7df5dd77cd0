package linker

import (
	"fmt"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

// hints for errors. Each says what to do, in the words of the tools.
const (
	hintHidden = "the library exports nothing: it was compiled with hidden visibility, which is " +
		"clang's default " +
		"(-fvisibility=default changes that)"
	hintPath      = "Config.WithSearchPath, or --lib of the command, says where else to look"
	hintName      = "Library.Symbols, or lockstep info, lists what there is"
	hintCPlusPlus = "a C++ library defines it: use a main module that has libc++, such as " +
		"libraries.MainLibcxx"
	hintLibc = "C's library defines it: the main module must export it, as " +
		"libraries.MainLibc does " +
		"(lockstep cc links all of libc into a program)"
)

// hint returns the probable mistake behind an undefined symbol, in parentheses, or "".
func hint(symbol string, exportsNothing bool) string {
	switch {
	case exportsNothing:
		return fmt.Sprintf(" (%s)", hintHidden)
	case modinfo.CPlusPlus(symbol):
		return fmt.Sprintf(" (%s)", hintCPlusPlus)
	case modinfo.Libc(symbol):
		return fmt.Sprintf(" (%s)", hintLibc)
	}
	return ""
}

// countOf is a number of things in words.
func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if head, tail, ok := strings.Cut(what, " "); ok {
		return fmt.Sprintf("%d %ss %s", n, head, tail)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
