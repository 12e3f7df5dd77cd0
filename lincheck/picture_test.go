package lincheck

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/model"
)

func TestWritePicture(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	long := simulate(toyUniverse(),
		simulation{clients: 4, operations: 3000, numbered: true, meet: 20}, rng.IntN)
	restless := simulate(toyUniverse(), simulation{clients: 4, operations: 3000, numbered: true},
		rng.IntN)
	restless.Operations = append(restless.Operations,
		at(9, 0, 1<<40, openOf("none"), model.Output{Err: model.ClassMissingFile, Read: 1}))
	wrong := goodHistory()
	wrong.Operations[secondSymbol].Output.Pointer = 9
	tests := []struct {
		name    string
		r       Result
		want    []string
		atMost  int // bytes
		atLeast int
	}{
		{"ok", Check(goodHistory(), Limits{}), []string{"g0 open(a) = #1 @2", "@12 a×1"}, 100_000,
			10_000},
		{"ok, by order", CheckOrder(goodHistory(), Limits{}),
			[]string{"g0 symbol(#1, add) = function 5 @3"}, 100_000, 10_000},
		{"violation", Judge(wrong, Limits{}),
			[]string{"g0 symbol(add) = function 9 (@3)", "already has another pointer"}, 100_000,
			10_000},
		{"long", Judge(long, Limits{}), []string{"linear"}, 1_000_000, 20_000},
		{"never quiescent", Judge(restless, Limits{}), []string{"linear"}, 3_000_000, 200_000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var page bytes.Buffer
			if err := test.r.WritePicture(&page); err != nil {
				t.Fatal(err)
			}
			for _, want := range append(test.want, "<html", "</html>") {
				if !strings.Contains(page.String(), want) {
					t.Errorf("%q is not in the picture", want)
				}
			}
			if page.Len() > test.atMost || page.Len() < test.atLeast {
				t.Errorf("the picture has %d bytes, not %d to %d", page.Len(), test.atLeast,
					test.atMost)
			}
		})
	}
	broken := errors.New("broken")
	r := Judge(goodHistory(), Limits{})
	if err := r.WritePicture(failingWriter{broken}); !errors.Is(err, broken) {
		t.Errorf("a failing writer: %v", err)
	}
	var none Result
	if err := none.WritePicture(&bytes.Buffer{}); !errors.Is(err, ErrNoPicture) {
		t.Errorf("no result: %v", err)
	}
}
