package linker_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A fixture that lost what it is for (an optimiser inlined the call, a flag changed its meaning)
// would make the tests that use it pass for nothing. So this file says, module by module, what has
// to be there.

// fixtureFacts describes what a module contains, one phrase for each thing.
func fixtureFacts(t *testing.T, file string) map[string]bool {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(content)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	facts := map[string]bool{}
	add := func(format string, args ...any) { facts[fmt.Sprintf(format, args...)] = true }
	for _, imp := range m.Imports {
		add("import %s %s.%s", imp.Kind, imp.Module, imp.Name)
	}
	for _, exp := range m.Exports {
		add("export %s %s", exp.Kind, exp.Name)
	}
	if memory, ok := m.MemoryType(0); ok && memory.Shared {
		add("shared memory")
	}
	if table, ok := m.TableType(0); ok && !table.Limits.HasMax {
		add("growable table")
	}
	if m.HasStart {
		add("start")
	}
	for _, e := range m.Elements {
		if e.Mode == wasm.Active && len(e.Funcs) > 0 {
			add("slots")
		}
	}
	for _, d := range m.Data {
		if d.Mode == wasm.Active {
			add("active data")
		} else {
			add("passive data")
		}
	}
	if dylink, ok := m.Custom("dylink.0"); ok {
		add("library")
		for _, line := range strings.FieldsFunc(string(dylink.Payload),
			func(r rune) bool { return r < ' ' }) {
			add("dylink %s", line)
		}
	}
	return facts
}

// libraryFacts is what a library of both sets has to contain, and with "no " in front what it must
// not.
var libraryFacts = map[string][]string{
	"libcounter": {"export func counter_next"},
	"libother":   {"slots", "export global other_value", "export func other_add"},
	"libdata": {"slots", "dylink libother.wasm",
		"export func __wasm_apply_data_relocs", "import global GOT.mem.data_value",
		"import global GOT.mem.other_value", "import global GOT.mem.other_array",
		"import global GOT.mem.main_value", "import global GOT.func.data_add",
		"import global GOT.func.other_add", "import global GOT.func.main_twice"},
	"libfnptr": {"slots", "dylink libother.wasm",
		"import global GOT.func.fnptr_exported", "import global GOT.func.other_add",
		"import global GOT.func.other_negate", "import global GOT.func.main_twice",
		"import global GOT.func.main_triple", "export func fnptr_unreferenced",
		"no import global GOT.func.fnptr_unreferenced"},
	"libctor": {"slots", "export func __wasm_call_ctors",
		"import func env.log_append"},
	"libchain_a": {"dylink libchain_b.wasm", "import func env.chain_b",
		"no dylink libchain_c.wasm"},
	"libchain_b":        {"dylink libchain_c.wasm", "import func env.chain_c"},
	"libchain_c":        {"import func env.log_append", "export func chain_c"},
	"libdiamond_top":    {"dylink libdiamond_left.wasm", "dylink libdiamond_right.wasm"},
	"libdiamond_left":   {"dylink libdiamond_bottom.wasm"},
	"libdiamond_right":  {"dylink libdiamond_bottom.wasm"},
	"libdiamond_bottom": {"export func diamond_bottom"},
	"libcircle_a": {"dylink libcircle_b.wasm", "import func env.circle_b",
		"import global GOT.mem.circle_b_value", "import global GOT.func.circle_b",
		"export func __wasm_apply_data_relocs"},
	"libcircle_b": {"dylink libcircle_a.wasm", "import func env.circle_a",
		"import global GOT.mem.circle_a_value", "import global GOT.func.circle_a",
		"export func __wasm_apply_data_relocs"},
	"libeven": {"import func env.odd", "export func even", "no dylink libodd.wasm"},
	"libodd":  {"import func env.even", "export func odd", "no dylink libeven.wasm"},
	"libweak": {"import func env.weak_defined", "export func weak_defined",
		"import func env.weak_missing", "import global GOT.func.weak_missing",
		"import global GOT.mem.weak_missing_data", "import global GOT.func.weak_defined",
		"import global GOT.mem.weak_defined_data", "dylink weak_missing",
		"import global GOT.func.main_twice"},
	"libstrong": {"export func weak_defined", "export func weak_missing",
		"export global weak_defined_data", "export global weak_missing_data"},
	"libunresolved": {"import func env.nobody_has_this", "import func env.nobody_has_that",
		"import global GOT.func.nobody_has_this"},
	"libunresolved_data": {"import global GOT.mem.nobody_has_this_data"},
	"libneeds_missing":   {"dylink libabsent.wasm"},
	"libinterpose": {"import func env.interpose_function",
		"export func interpose_function", "import global GOT.mem.interpose_value",
		"export global interpose_value", "import global GOT.func.interpose_function"},
	"libinterposer": {"export func interpose_function", "export global interpose_value"},
	"libscope_one":  {"export func scope_which", "export global scope_mark"},
	"libscope_two": {"export func scope_which", "export global scope_mark",
		"export func main_triple"},
	"libscope_three": {"dylink libscope_one.wasm", "export func scope_which",
		"import func env.scope_which", "export global scope_mark"},
	"libscope_user": {"import func env.scope_which", "import global GOT.mem.scope_mark",
		"dylink scope_mark", "no dylink libscope_one.wasm", "no dylink libscope_two.wasm"},
	"libscope_needs": {"import func env.scope_which", "dylink libscope_two.wasm"},
	"libscope_top":   {"dylink libscope_user.wasm", "dylink libscope_one.wasm"},
	"libsymbolic": {"start", "slots", "no import global GOT.mem.symbolic_value",
		"no import global GOT.func.symbolic_add", "export func symbolic_add"},
	"librpath":         {"dylink libdeep.wasm", "dylink $ORIGIN/deep"},
	"deep/libdeep":     {"export func deep"},
	"libtrap_ctor":     {"export func __wasm_call_ctors", "import func env.log_append"},
	"libtrap_start":    {"start", "no import memory env.memory"},
	"libtrap_call":     {"export func trap_recurse"},
	"libmismatch":      {"import func env.peek32"},
	"libmismatch_kind": {"import global GOT.mem.main_twice"},
	"libbss":           {"export func bss_sum"},
	"libhuge":          {"export func huge_address"},
	"libnotable": {"no import table env.__indirect_function_table",
		"no import global env.__stack_pointer"},
	"libmanyfn": {"slots", "export func __wasm_apply_data_relocs"},
	"libalign":  {"export global align_zero"},
	"libcallback": {"slots", "import func env.malloc", "import func env.free",
		"import table env.__indirect_function_table"},
	"libstack": {"import global env.__stack_pointer"},
	"libtypes": {"import table env.__indirect_function_table",
		"import global GOT.func.types_mixed"},
	"libdtor": {"slots", "dylink libdtor_base.wasm", "import func env.__cxa_atexit",
		"export func __wasm_call_ctors"},
	"libdtor_base": {"slots", "import func env.__cxa_atexit", "import func env.atexit"},
	"libdtor_trap": {"slots", "import func env.__cxa_atexit"},
	"libthread_dtor": {"import func env.__cxa_thread_atexit",
		"import func env.__cxa_thread_atexit_impl", "import func env.__cxa_atexit"},
	"libdtor_main": {"import func env.__cxa_atexit", "import func env.free",
		"import func env.odd", "no dylink libodd.wasm"},
	"libearly":      {"import func env.main_constructed"},
	"libalign_page": {"export func align_page64_address"},
	"libsjlj":       {"import tag env.__c_longjmp", "export func __wasm_longjmp"},
	"libjumper":     {"import func env.__wasm_longjmp", "no import tag env.__c_longjmp"},
	"libjump": {"import tag env.__c_longjmp", "import func env.jumper_leave",
		"dylink libsjlj.wasm"},
	"threads/libtls_export": {"export global tls_shared", "export func __wasm_init_tls"},
	"threads/libtls_import": {"import global GOT.mem.tls_shared", "dylink libtls_export.wasm"},
	"threads/libtls":        {"export func __wasm_init_tls", "export global __tls_size", "start"},
	"threads/libatomic":     {"start"},
	"plain/libcounter":      {"active data", "no start"},
	"plain/libdata":         {"active data", "no start"},
	"threads/libcounter":    {"passive data", "start"},
	"threads/libdata":       {"passive data", "start", "export func __wasm_init_tls"},
	"threads/libsymbolic":   {"passive data"},
	"libdl": {"import func wasix_32v1.dlopen", "export func dlopen",
		"export func dlerror"},
	"libdlfcn": {"import func env.dlopen", "import func env.dlsym",
		"import func env.dladdr", "export func weak_defined"},
	"libdl_ctor":        {"import func env.dlopen", "export func __wasm_call_ctors"},
	"libmanager":        {"import func env.dlclose", "export func manager_open", "slots"},
	"threads/libworker": {"import func env.pthread_join", "import func env.dlopen", "slots"},
	"libclosure": {"import func wasix_32v1.closure_prepare",
		"export func __wasm_call_ctors", "slots"},
	"threads/libthread": {"import func wasi.thread-spawn", "export func wasi_thread_start"},
	"threads/libpthreads": {"import func env.pthread_create", "import func env.pthread_cond_wait",
		"no export func wasi_thread_start"},
}

func TestLibraryFixturesContainWhatTheyAreFor(t *testing.T) {
	seen := map[string]bool{}
	for _, set := range []string{"threads", "plain"} {
		for _, name := range wasmFiles(t, filepath.Join("testdata", set)) {
			name = strings.TrimSuffix(name, ".wasm")
			facts := fixtureFacts(t,
				filepath.Join("testdata", set, filepath.FromSlash(name)+".wasm"))
			want := append([]string{"library"}, libraryFacts[name]...)
			want = append(want, libraryFacts[path.Join(set, name)]...)
			if name != "libtrap_start" {
				want = append(want, "import memory env.memory", "import global env.__memory_base")
				want = append(want,
					map[string]string{"threads": "shared memory", "plain": "no shared memory"}[set])
			}
			if len(libraryFacts[name]) == 0 && len(libraryFacts[path.Join(set, name)]) == 0 {
				t.Errorf("%s/%s: nobody says what it is for", set, name)
			}
			checkFacts(t, path.Join(set, name), facts, want)
			seen[name], seen[path.Join(set, name)] = true, true
		}
	}
	for name := range libraryFacts {
		if !seen[name] {
			t.Errorf("%s: there is no such fixture", name)
		}
	}
}

func TestMainFixturesContainWhatTheyAreFor(t *testing.T) {
	helpers := []string{"export func malloc", "export func free", "export func aligned_alloc",
		"export func log_append", "export func log_length", "export func log_at",
		"export func call_pointer", "export func peek32", "export func poke32",
		"export func main_twice", "export global main_value", "slots"}
	executable := []string{"no library", "export table __indirect_function_table",
		"export memory memory", "export func _initialize"}
	tests := []struct {
		name string
		want []string
	}{
		{"main-pie", []string{"library", "import memory env.memory",
			"import table env.__indirect_function_table", "import global env.__stack_pointer",
			"import global GOT.mem.__heap_base", "shared memory", "export func __wasm_init_tls",
			"passive data", "no export memory memory"}},
		{"main-pthread", []string{"library", "shared memory", "import func wasi.thread-spawn",
			"export func wasi_thread_start", "export func pthread_create"}},
		{"main-exe", append(executable, "export global __stack_pointer", "no shared memory",
			"growable table", "active data", "no import memory env.memory")},
		{"main-shared", append(executable, "import memory env.memory", "shared memory",
			"growable table", "export global __stack_pointer", "export func __wasm_init_tls",
			"export global __tls_base", "passive data")},
		{"main-nostack", append(executable, "no export global __stack_pointer", "growable table")},
		{"main-fixed", append(executable, "export global __stack_pointer", "no growable table")},
	}
	for _, tt := range tests {
		facts := fixtureFacts(t, filepath.Join("testdata", tt.name+".wasm"))
		checkFacts(t, tt.name, facts, append(tt.want, helpers...))
	}
}

func checkFacts(t *testing.T, name string, facts map[string]bool, want []string) {
	t.Helper()
	for _, fact := range want {
		absent, isAbsent := strings.CutPrefix(fact, "no ")
		switch {
		case isAbsent && facts[absent]:
			t.Errorf("%s: has %q", name, absent)
		case !isAbsent && !facts[fact]:
			t.Errorf("%s: lacks %q", name, fact)
		}
	}
}
