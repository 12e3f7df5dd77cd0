package emscripten

import (
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

// Import is a function that a module imports and that is undefined.
type Import struct {
	Namespace string
	Name      string
	Type      string // the signature
}

// Missing lists the functions that modules, a main module and libraries, import and that neither
// one of them nor the host as c sets it up has, sorted by name. The linker's own functions count as
// there. A program that does not call them runs.
func Missing(c *Config, modules ...[]byte) ([]Import, error) {
	if c == nil {
		c = NewConfig()
	}
	p := &Program{config: c}
	var infos []*modinfo.Module
	defined := map[string]bool{}
	for _, bytes := range modules {
		m, err := modinfo.Read(bytes)
		if err != nil {
			return nil, err
		}
		infos = append(infos, m)
		for _, x := range m.Exports {
			if x.Kind == modinfo.Function && !x.Again {
				defined[x.Name] = true
			}
		}
	}
	var list []Import
	for _, m := range infos {
		for _, x := range m.Imports {
			if x.Kind != modinfo.Function || x.Namespace == "env" &&
				(defined[x.Name] || linkers[x.Name]) {
				continue
			}
			params, results, ok := parseType(x.Type)
			if ok && p.find(x.Namespace, x.Name, params, results) != nil {
				continue
			}
			list = append(list, Import{x.Namespace, x.Name, x.Type})
		}
	}
	slices.SortFunc(list, func(a, b Import) int {
		return strings.Compare(a.Name+" "+a.Namespace+" "+a.Type, b.Name+" "+b.Namespace+" "+b.Type)
	})
	return slices.Compact(list), nil
}

// linkers are functions of env that package linker has.
var linkers = map[string]bool{"emscripten_resize_heap": true, "dlopen": true, "dlsym": true,
	"dlclose": true, "dlerror": true,
	"dladdr": true, "dl_iterate_phdr": true, "__cxa_atexit": true, "atexit": true,
	"__cxa_thread_atexit":      true,
	"__cxa_thread_atexit_impl": true}

// parseType is the reverse of how modinfo writes a signature: "(i32, i64) -> (f32)".
func parseType(s string) (params, results []api.ValueType, ok bool) {
	names := map[string]api.ValueType{"i32": api.ValueTypeI32, "i64": api.ValueTypeI64,
		"f32": api.ValueTypeF32, "f64": api.ValueTypeF64}
	list := func(s string) (types []api.ValueType, ok bool) {
		s = strings.TrimSuffix(strings.TrimPrefix(s, "("), ")")
		if s == "" {
			return nil, true
		}
		for name := range strings.SplitSeq(s, ", ") {
			t, ok := names[name]
			if !ok {
				return nil, false
			}
			types = append(types, t)
		}
		return types, true
	}
	before, after, ok := strings.Cut(s, " -> ")
	if !ok {
		return nil, nil, false
	}
	params, ok = list(before)
	if !ok {
		return nil, nil, false
	}
	results, ok = list(after)
	return params, results, ok
}
