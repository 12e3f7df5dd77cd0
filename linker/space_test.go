package linker

import (
	"reflect"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/ctxlock"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
)

// A step of an operation gets a space, from which it reaches neither the linker nor a group, nor
// what they wait with: no field, element or pointer leads there.
func TestSpaceReachesNoLinker(t *testing.T) {
	forbidden := map[reflect.Type]bool{}
	for _, v := range []any{Linker{}, Group{}, Config{}, Library{}, linkOp{}, activation{}, state{},
		coord.Coordinator{}, coord.Member{}, ctxlock.Lock{}} {
		forbidden[reflect.TypeOf(v)] = true
	}
	seen := map[reflect.Type]bool{}
	var walk func(at reflect.Type, path string)
	walk = func(at reflect.Type, path string) {
		if forbidden[at] {
			t.Errorf("%s is a %s", path, at)
			return
		}
		if seen[at] {
			return
		}
		seen[at] = true
		switch at.Kind() {
		case reflect.Struct:
			for i := range at.NumField() {
				walk(at.Field(i).Type, path+"."+at.Field(i).Name)
			}
		case reflect.Map:
			walk(at.Key(), path+" key")
			walk(at.Elem(), path+"[]")
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
			walk(at.Elem(), path)
		}
	}
	walk(reflect.TypeFor[space.Space](), "space")
	if !seen[reflect.TypeFor[image.Module]()] || !seen[reflect.TypeFor[space.Instance]()] {
		t.Error("the walk does not come to modules and instances")
	}
}
