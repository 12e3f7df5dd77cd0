package model_test

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/model"
)

// A library with one function is opened and asked for it. The model takes note of the pointer, and
// does not allow another one afterwards.
func Example_sequential() {
	m, err := model.NewSequential(model.Universe{
		Main: model.Library{Name: "main"},
		Libraries: []model.Library{{
			Name: "libdouble.so",
			Functions: []model.Function{{Name: "double", Params: 1,
				Behaviour: model.Behaviour{Mul: 2}}},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := m.Init()
	steps := []struct {
		in  model.Input
		out model.Output
	}{
		{model.Input{Op: model.OpOpen, Library: "libdouble.so"},
			model.Output{Handle: 1, Commit: 1}},
		{model.Input{Op: model.OpSymbol, Handle: 1, Name: "double"},
			model.Output{Kind: model.KindFunction, Pointer: 17}},
		{model.Input{Op: model.OpCallPointer, Pointer: 17, Args: []int32{21}},
			model.Output{Result: 42}},
		{model.Input{Op: model.OpSymbol, Name: "double"},
			model.Output{Kind: model.KindFunction, Pointer: 18}},
	}
	for _, step := range steps {
		fmt.Println(model.Describe(step.in, step.out))
		next, err := m.Step(s, step.in, step.out)
		if err != nil {
			fmt.Println(err)
			break
		}
		s = next
	}
	fmt.Println(m.Describe(s))
	// Output:
	// g0 open(libdouble.so) = #1 @1
	// g0 symbol(#1, double) = function 17
	// g0 call-pointer(17 (21)) = 42
	// g0 symbol(double) = function 18
	// model: the symbol already has another pointer: want 17, got 18
	// @1 libdouble.so×1 | 1 pointers | groups [0]
}
