package lincheck

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-wasm/lockstep/model"
)

// ErrNoPicture is returned by WritePicture for results that have nothing to show: those that are
// Undecided.
var ErrNoPicture = errors.New("lincheck: an undecided history has no picture")

// scene is the part of a history that shows its verdict.
type scene struct {
	m       *model.Sequential // nil if only the commit numbers are judged
	h       *History          // nil if there is no scene
	from    *model.State
	ops     []int   // positions in h
	returns []int64 // their returns
	note    string  // what is wrong
	noted   []int   // and where
}

// pictureTime bounds the search that a picture is drawn from. It shows how far it came.
const pictureTime = 10 * time.Second

// WritePicture draws the part of the history that the verdict was reached in, as an HTML page that
// needs nothing else: for a Violation, the operations around the point where it cannot go on; for
// an OK, the first rounds. Clients are rows, operations are bars, and for each operation the page
// shows an order that leads to it with the states on the way.
func (r *Result) WritePicture(w io.Writer) error {
	if r.scene.h == nil {
		return ErrNoPicture
	}
	m, ops := r.scene.picture()
	_, info := porcupine.CheckOperationsVerbose(m, ops, pictureTime)
	info.AddAnnotations(r.scene.annotations())
	if err := porcupine.Visualize(m, info, w); err != nil {
		return fmt.Errorf("lincheck: write picture: %w", err)
	}
	return nil
}

func (sc *scene) picture() (porcupine.Model, []porcupine.Operation) {
	s := newSearch(sc.m, sc.h, sc.from, sc.ops, sc.returns)
	if sc.m == nil {
		return numbersModel(), s.operations()
	}
	return s.model(nil), s.operations()
}

func (sc *scene) annotations() []porcupine.Annotation {
	var all []porcupine.Annotation
	for _, i := range sc.noted {
		op := &sc.h.Operations[i]
		end := op.Return
		if end == Never {
			end = op.Call
		}
		all = append(all, porcupine.Annotation{Tag: "verdict", Start: op.Call, End: end,
			Description: "violation", Details: sc.note, BackgroundColor: "#ff9191"})
	}
	return all
}

// numbersModel allows everything as long as commit numbers go up and reads do not go back.
func numbersModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return uint64(0) },
		Step: func(state, input, _ any) (bool, any) {
			seen, op := state.(uint64), input.(*Operation)
			number := op.number()
			if number == 0 {
				return true, seen
			}
			return number > seen || number == seen && op.Output.Commit == 0, number
		},
		DescribeOperation: func(input, _ any) string {
			op := input.(*Operation)
			return model.Describe(op.Input, op.Output)
		},
		DescribeState: func(state any) string { return fmt.Sprintf("@%d", state) },
	}
}

// numbersScene shows the numbered operations that overlap the time of those named.
func numbersScene(h *History, named []int) scene {
	sc := scene{h: h}
	from, to := int64(Never), int64(0)
	for _, i := range named {
		from = min(from, h.Operations[i].Call)
		to = max(to, h.Operations[i].Return)
	}
	around := 0
	for _, i := range byCall(h.Operations) {
		op := &h.Operations[i]
		if !slices.Contains(named, i) {
			if op.number() == 0 || op.Return < from || op.Call > to || around == sceneBefore {
				continue
			}
			around++
		}
		sc.ops = append(sc.ops, i)
		sc.returns = append(sc.returns, op.Return)
	}
	return sc
}

// openingScene shows the beginning of a history, up to a quiescent moment. If there is none among
// what fits, the operations may depend on some that are not shown, and only their commit numbers
// are judged in the picture.
func openingScene(m *model.Sequential, h *History, order []int) scene {
	sc := scene{m: m, h: h, from: m.Init()}
	newest := int64(-1)
	for k, i := range order {
		op := &h.Operations[i]
		if k >= sceneBefore && op.Call > newest {
			break
		}
		if k == maxOpening {
			sc.m = nil
			break
		}
		if op.Return != Never {
			newest = max(newest, op.Return)
		}
		sc.ops = append(sc.ops, i)
		sc.returns = append(sc.returns, op.Return)
	}
	return sc
}

// maxOpening bounds the size of a picture; one operation needs some 200 bytes, and more with its
// states.
const maxOpening = 2000
