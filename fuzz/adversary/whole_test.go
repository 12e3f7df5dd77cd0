package adversary_test

import (
	"reflect"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Every method of what can be reached from a linker is used by some act, or by the checks in
// between.
func TestWholeAPI(t *testing.T) {
	always := []string{}
	used := map[string][]string{
		"Linker.Addr": {inspects.String()}, "Linker.Close": {closesLinker.String()},
		"Linker.Commits": {inspects.String()}, "Linker.Err": {inspects.String()},
		"Linker.Libraries": {inspects.String()}, "Linker.Main": always,
		"Linker.Memory": always, "Linker.Modules": {inspects.String()},
		"Linker.Notify": {inspects.String()}, "Linker.Run": {runs.String()},
		"Linker.Symbols": {asks.String()}, "Linker.View": {asks.String()},
		"Linker.Wait":           {waitsForThreads.String()},
		"Group.AllocateClosure": {sharesClosure.String()},
		"Group.Block":           {blocks.String()},
		"Group.Call":            {calls.String(), callsHost.String()},
		"Group.CallPointer":     {callsPointer.String(), callsClosure.String()},
		"Group.Close":           {closesGroup.String()},
		"Group.CloseLibrary":    {closesLibrary.String()},
		"Group.FreeCallback":    {freesCallback.String()},
		"Group.FreeClosure":     {freesClosure.String()},
		"Group.Func":            {prepares.String()},
		"Group.ID":              {asks.String()}, "Group.Linker": {asks.String()},
		"Group.Memory": {asks.String()}, "Group.NewCallback": {makesCallback.String()},
		"Group.Open": {opens.String()}, "Group.OpenAll": {opensAll.String()},
		"Group.OpenBytes": {opensBytes.String()}, "Group.Safepoint": {safepoints.String()},
		"Group.SetClosure": {setsClosure.String()}, "Group.Spawn": {spawns.String()},
		"Group.Symbol": {looksUp.String(), looksNext.String()},
		"Group.Thread": {asks.String()}, "Library.File": {asks.String()},
		"Library.Name": {asks.String()}, "Library.Symbols": {asks.String()},
		"Func.Call":          {callsPrepared.String()},
		"Func.CallWithStack": {callsPrepared.String()}, "Func.Group": {prepares.String()},
		"Func.Name": {prepares.String()}, "Func.Type": {prepares.String()},
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[*linker.Linker](), reflect.TypeFor[*linker.Group](),
		reflect.TypeFor[*linker.Library](), reflect.TypeFor[*linker.Func](),
	} {
		for i := range typ.NumMethod() {
			name := typ.Elem().Name() + "." + typ.Method(i).Name
			acts, ok := used[name]
			if !ok {
				t.Errorf("no act uses %s", name)
			}
			for _, act := range acts {
				if !drawn(act) {
					t.Errorf("%s: no program has the act %q", name, act)
				}
			}
			delete(used, name)
		}
	}
	for name := range used {
		t.Errorf("there is no %s", name)
	}
}

// drawn reports whether programs have acts of a name.
func drawn(act string) bool {
	for k := range kinds {
		if k.String() == act {
			return weights[k][0]+weights[k][1] > 0
		}
	}
	return false
}
