package guestabi

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// reflectionSize is the size of WASIX's __wasi_reflection_result_t: whether the answer stays, and
// how many arguments and results there are.
const reflectionSize = 6

// wasixReflect tells the type of a function pointer: v is the pointer, where the types of arguments
// go and how many there is room for, the same of results, and where the numbers go. A closure may
// be given another type, so that its answer does not stay.
func (a *ABI) wasixReflect(_ context.Context, g *Guest, v []uint32) uint32 {
	out, ok := a.Memory.At(v[5], reflectionSize)
	if !ok {
		return errnoFault
	}
	s := g.Committed()
	t, found := s.SignatureOf(v[0])
	arguments, known := wasixNumbers(t.Params)
	results, known2 := wasixNumbers(t.Results)
	clear(out)
	if !found || !known || !known2 {
		return errnoInval
	}
	if _, closure := s.Trampolines.Get(v[0]); !closure && s.Closures.At(v[0]) == nil {
		out[0] = 1
	}
	binary.LittleEndian.PutUint16(out[2:], uint16(len(arguments)))
	binary.LittleEndian.PutUint16(out[4:], uint16(len(results)))
	if uint64(len(arguments)) > uint64(v[2]) || uint64(len(results)) > uint64(v[4]) {
		return errnoOverflow
	}
	to, ok := a.Memory.At(v[1], uint32(len(arguments)))
	to2, ok2 := a.Memory.At(v[3], uint32(len(results)))
	if !ok || !ok2 {
		return errnoFault
	}
	copy(to, arguments)
	copy(to2, results)
	return errnoSuccess
}

// wasixNumbers are types by their numbers in WASIX; false if one has none.
func wasixNumbers(types []wasm.ValType) (numbers []byte, ok bool) {
	for _, t := range types {
		n := -1
		for i, x := range wasixTypes {
			if x == t {
				n = i
			}
		}
		if n < 0 || len(types) > math.MaxUint16 {
			return nil, false
		}
		numbers = append(numbers, byte(n))
	}
	return numbers, true
}

// wasixSize is how many bytes a value takes in the buffers of call_dynamic.
func wasixSize(t wasm.ValType) int {
	switch t {
	case wasm.I64, wasm.F64:
		return 8
	case wasm.V128:
		return 16
	}
	return 4
}

// wasixCall calls a function pointer with arguments that lie in memory one behind the other, and
// puts the results there: v is the pointer, the arguments and their length, the results and their
// length, and whether both lengths have to fit. If not, arguments that are not there are 0, and
// results for which there is no room are lost.
func (a *ABI) wasixCall(ctx context.Context, g *Guest, v []uint32) uint32 {
	t, found := g.Committed().SignatureOf(v[0])
	_, known := wasixNumbers(t.Params)
	_, known2 := wasixNumbers(t.Results)
	if !found || !known || !known2 {
		return errnoInval
	}
	in, ok := a.Memory.At(v[1], v[2])
	if _, ok2 := a.Memory.At(v[3], v[4]); !ok || !ok2 {
		return errnoFault
	}
	strict := v[5] != 0
	var args []uint64
	for _, p := range t.Params {
		size := wasixSize(p)
		var value [16]byte
		if size <= len(in) {
			in = in[copy(value[:], in[:size]):]
		} else if strict {
			return errnoInval
		}
		args = append(args, binary.LittleEndian.Uint64(value[:]))
		if size == 16 {
			args = append(args, binary.LittleEndian.Uint64(value[8:]))
		}
	}
	if strict && len(in) > 0 {
		return errnoInval
	}
	values, err := g.Call(ctx, t, v[0], args)
	switch {
	case err == nil:
	case a.Errors.WrongPointer(err, v[0]):
		return errnoInval
	default:
		panic(err) // to the guest, it is a trap in the function
	}
	out, ok := a.Memory.At(v[3], v[4])
	if !ok {
		return errnoFault
	}
	for _, r := range t.Results {
		size := wasixSize(r)
		var value [16]byte
		binary.LittleEndian.PutUint64(value[:], values[0])
		if values = values[1:]; size == 16 {
			binary.LittleEndian.PutUint64(value[8:], values[0])
			values = values[1:]
		}
		if size <= len(out) {
			out = out[copy(out, value[:size]):]
		} else if strict {
			return errnoInval
		}
	}
	if strict && len(out) > 0 {
		return errnoInval
	}
	return errnoSuccess
}
