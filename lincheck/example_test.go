package lincheck_test

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/model"
)

// Two clients use a linker that gives the second one another pointer for the same symbol.
func Example() {
	universe := model.Universe{
		Main: model.Library{Name: "main"},
		Libraries: []model.Library{{
			Name: "liba.so",
			Functions: []model.Function{{Name: "double", Params: 1,
				Behaviour: model.Behaviour{Mul: 2}}},
		}},
	}
	rec := lincheck.NewRecorder(universe, 1, lincheck.Ordered)
	first, second := rec.Client(), rec.Client()

	first.Begin(model.Input{Op: model.OpOpen, Library: "liba.so"})
	first.End(model.Output{Handle: 1, Commit: 2})

	look := model.Input{Op: model.OpSymbol, Name: "double"}
	first.Begin(look)
	second.Begin(look)
	first.End(model.Output{Kind: model.KindFunction, Pointer: 17, Commit: 3})
	second.End(model.Output{Kind: model.KindFunction, Pointer: 18, Commit: 4})

	fmt.Println(lincheck.Judge(rec.History(), lincheck.Limits{}))
	// Output:
	// violation: no order explains the outcomes: after 0 of 1 operations, in state @3 liba.so×1 | 1 pointers | groups [0], none of these can come next:
	//   client 1 [4, 6]: g0 symbol(double) = function 18 @4: the symbol already has another pointer: want 17, got 18
}
