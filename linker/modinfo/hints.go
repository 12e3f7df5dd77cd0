package modinfo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The hints. Each names what to do.
const (
	hintHidden = "no exported functions or data: compiled with hidden visibility? " +
		"clang hides by default: add -fvisibility=default"
	hintNoTable = "no function table is exported, so no library can be linked to it: " +
		"link with -Wl,--export-table,--growable-table,--export-all (lockstep cc does)"
	hintFixedTable = "the function table cannot grow: link with -Wl,--growable-table"
	hintOlder      = "the older section dylink: weak and thread-local symbols are not marked"
	hintStatic     = "an object file: link it with wasm-ld -shared (lockstep cc -shared does)"
)

// hint finds what is probably not meant.
func (m *Module) hint() {
	if object := m.isObject(); object {
		m.Hints = append(m.Hints, hintStatic)
		return
	}
	if m.Older {
		m.Hints = append(m.Hints, hintOlder)
	}
	if m.Form == Library && len(m.Symbols()) == 0 {
		m.Hints = append(m.Hints, hintHidden)
	}
	if m.Form == Plain {
		m.Hints = append(m.Hints, hintNoTable)
	}
	if m.Form == Executable && m.fixedTable() {
		m.Hints = append(m.Hints, hintFixedTable)
	}
	if name := m.needsCPlusPlus(); name != "" {
		m.Hints = append(
			m.Hints,
			fmt.Sprintf("needs a C++ library (%s): the main module must have libc++, "+
				"as libraries.MainLibc has, or a library that is preloaded", name),
		)
	}
}

// isObject tells whether the file is what clang -c writes: it imports the memory by its name in
// object files.
func (m *Module) isObject() bool {
	for _, s := range m.Imports {
		if s.Name == "__linear_memory" {
			return true
		}
	}
	return false
}

func (m *Module) fixedTable() bool {
	for _, s := range m.Exports {
		if s.Name == "__indirect_function_table" && strings.Contains(s.Type, "max ") {
			return true
		}
	}
	return false
}

// needsCPlusPlus returns an import that only a C++ library defines, or "".
func (m *Module) needsCPlusPlus() string {
	for _, s := range m.Imports {
		if !s.Weak && CPlusPlus(s.Name) && !m.hasExport(s.Name) {
			return s.Name
		}
	}
	return ""
}

// Emscripten tells whether the module was built by Emscripten and imports functions of its
// JavaScript, which package linker/emscripten has.
func (m *Module) Emscripten() bool {
	return slices.ContainsFunc(m.Imports, func(s Symbol) bool {
		if s.Namespace != "env" || s.Kind != Function {
			return false
		}
		for _, prefix := range []string{"__syscall_", "invoke_", "emscripten_", "_emscripten_"} {
			if strings.HasPrefix(s.Name, prefix) {
				return true
			}
		}
		return strings.HasSuffix(s.Name, "_js") && strings.HasPrefix(s.Name, "_")
	})
}

// CPlusPlus tells whether a name is one that the C++ library defines: operators new and delete,
// what is in namespace std, and what the compiler calls for exceptions and type information.
func CPlusPlus(name string) bool {
	for _, prefix := range []string{
		"_ZNSt", "_ZNKSt", "_ZSt", "_ZTISt", "_ZTVSt", "_ZTVN10__cxxabiv1", "_Znw", "_Zna", "_Zdl",
		"_Zda",
		"__cxa_throw", "__cxa_begin_catch", "__cxa_end_catch", "__cxa_allocate_exception",
		"__cxa_guard_", "__cxa_pure_virtual", "__gxx_",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func hex(v uint32) string { return "0x" + strconv.FormatUint(uint64(v), 16) }

// Libc tells whether a name is one of those functions of C's library that programs miss first. It
// is a selection.
func Libc(name string) bool {
	switch name {
	case "malloc",
		"free",
		"calloc",
		"realloc",
		"aligned_alloc",
		"posix_memalign",
		"memcpy",
		"memmove",
		"memset",
		"memcmp",
		"memchr",
		"strlen",
		"strcmp",
		"strncmp",
		"strcpy",
		"strncpy",
		"strcat",
		"strncat",
		"strchr",
		"strrchr",
		"strstr",
		"strdup",
		"strtol",
		"strtoul",
		"strtod",
		"atoi",
		"atol",
		"atof",
		"printf",
		"fprintf",
		"sprintf",
		"snprintf",
		"vsnprintf",
		"puts",
		"putchar",
		"fputs",
		"fwrite",
		"fread",
		"fopen",
		"fclose",
		"exit",
		"qsort",
		"bsearch",
		"isalpha",
		"isdigit",
		"isspace",
		"toupper",
		"tolower",
		"pow",
		"sin",
		"cos",
		"sqrt",
		"floor",
		"log",
		"exp",
		"time",
		"clock",
		"getenv",
		"rand",
		"srand",
		"stdout",
		"stderr",
		"errno",
		"__errno_location",
		"setjmp",
		"longjmp":
		return true
	}
	return false
}
