package specified

import (
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// VocabularyError is the reason for an Undecided: the specification has no word for something.
type VocabularyError struct {
	// Operation is the position in History.Operations, or -1 if it is the universe.
	Operation int
	// Problem says what there is no word for.
	Problem string
}

// Error names the operation.
func (e *VocabularyError) Error() string {
	if e.Operation < 0 {
		return "specified: the specification has no word for it: " + e.Problem
	}
	return fmt.Sprintf("specified: the specification has no word for operation %d: %s",
		e.Operation, e.Problem)
}

// action is an action of the specification with its arguments.
type action struct {
	name      string
	arguments []any
	pointer   int // what Pointers has in it, or 0
}

// way is a way for an operation to take effect: actions, one right after the other.
type way []action

// vocabulary says in words of the specification what the operations of a history did.
type vocabulary struct {
	h       *lincheck.History
	symbols map[string]proof.Model         // the library of each function
	given   map[model.Handle][]proof.Model // the libraries that were opened with a handle
}

func newVocabulary(h *lincheck.History) (*vocabulary, error) {
	v := &vocabulary{h: h, symbols: map[string]proof.Model{},
		given: map[model.Handle][]proof.Model{}}
	if !h.Universe.Rules.HandlePerOpen {
		return nil, &VocabularyError{-1, "openings that share a handle"}
	}
	for _, lib := range h.Universe.Libraries {
		if len(lib.Needed) > 0 || len(lib.Imports) > 0 || lib.Bad {
			return nil, &VocabularyError{-1, lib.Name + " needs others, or cannot be loaded"}
		}
		if len(lib.Functions) == 0 {
			continue
		}
		name := lib.Functions[0].Name
		if _, ok := v.symbols[name]; ok {
			return nil, &VocabularyError{-1, name + ", which two libraries have"}
		}
		v.symbols[name] = proof.Model(lib.Name)
	}
	for _, op := range h.Operations {
		lib := proof.Model(op.Input.Library)
		if op.Input.Op == model.OpOpen && op.Output.Handle != 0 &&
			!slices.Contains(v.given[op.Output.Handle], lib) {
			v.given[op.Output.Handle] = append(v.given[op.Output.Handle], lib)
		}
	}
	return v, nil
}

// constants are those of the specification: the groups and libraries of the history.
func (v *vocabulary) constants() proof.State {
	groups := proof.Set{group(v.h.Universe.FirstGroup)}
	add := func(g proof.Model) {
		if !slices.Contains(groups, any(g)) {
			groups = append(groups, g)
		}
	}
	for _, op := range v.h.Operations {
		add(group(op.Input.Group))
		if op.Input.Op == model.OpSpawn && op.Output.Err == "" && !op.Output.Unknown {
			add(group(op.Output.Group))
		}
	}
	libraries := proof.Set{}
	for _, lib := range v.h.Universe.Libraries {
		libraries = append(libraries, proof.Model(lib.Name))
	}
	return proof.State{"Groups": groups, "Initial": groups[:1:1], "Tags": libraries,
		"Kinds": proof.Set{"LoadModules", "ResolveFunction", "UnloadModules"}, "Batch": 1}
}

func group(id int) proof.Model { return proof.Model(fmt.Sprint("g", id)) }

// ways lists how an operation can have had its outcome. There are none if it cannot have had it in
// any state. silent means that it had no effect and says nothing: it may be anywhere.
func (v *vocabulary) ways(i int) (ways []way, silent bool, err error) {
	op := &v.h.Operations[i]
	in, out := &op.Input, &op.Output
	g := group(in.Group)
	switch {
	case out.Err == model.ClassPoisoned:
		return nil, false, &VocabularyError{i, "an image that is poisoned"}
	case out.Err != "" && slices.Contains(v.h.Universe.Rules.Tolerate, out.Err):
		return nil, true, nil
	case out.Err == model.ClassGroupClosed:
		return []way{{does("NoGroup", g)}}, false, nil
	}
	switch in.Op {
	case model.OpOpen:
		ways, err = v.opening(i, g)
	case model.OpClose:
		ways = v.closing(g, in, out)
	case model.OpSymbol:
		ways, err = v.lookup(i, g)
		silent = out.Unknown
	case model.OpSpawn:
		if out.Err == "" {
			c := group(out.Group)
			ways = []way{{does("Calls", g), does("Spawns", g, c), does("Joins", c)}}
		}
		silent = out.Unknown
	case model.OpLeave:
		if out.Err == "" {
			ways = []way{{does("Leaves", g)}}
		}
	default:
		err = &VocabularyError{i, in.Op.String()}
	}
	return ways, silent, err
}

func does(name string, arguments ...any) action { return action{name: name, arguments: arguments} }

func (v *vocabulary) opening(i int, g proof.Model) ([]way, error) {
	in, out := &v.h.Operations[i].Input, &v.h.Operations[i].Output
	if !slices.ContainsFunc(v.h.Universe.Libraries,
		func(lib model.Library) bool { return lib.Name == in.Library }) {
		return nil, &VocabularyError{i, "a library that there is not"}
	}
	opened, handle := "Opened", int(out.Handle)
	if in.NoLoad {
		opened = "Reopened"
	}
	if out.Unknown {
		handle = -1 - i // no client has it
	}
	opens := does("Opens", g, proof.Model(in.Library))
	switch {
	case out.Err == model.ClassNotLoaded && in.NoLoad:
		return []way{{opens, does("NotLoaded", g)}}, nil
	case out.Err == "" && handle != 0:
		return []way{{opens, does(opened, g, handle)}}, nil
	}
	return nil, nil
}

func (v *vocabulary) closing(g proof.Model, in *model.Input, out *model.Output) (ways []way) {
	if len(v.h.Universe.Libraries) == 0 {
		return nil
	}
	switch out.Err {
	case model.ClassBadHandle: // whatever library was meant
		some := proof.Model(v.h.Universe.Libraries[0].Name)
		return []way{{does("Closes", g, some), does("BadHandle", g, int(in.Handle))}}
	case "":
		for _, lib := range v.given[in.Handle] {
			ways = append(ways, way{does("Closes", g, lib), does("Closed", g, int(in.Handle))})
		}
	}
	return ways
}

func (v *vocabulary) lookup(i int, g proof.Model) ([]way, error) {
	in, out := &v.h.Operations[i].Input, &v.h.Operations[i].Output
	lib, ok := v.symbols[in.Name]
	if !ok || in.Handle == 0 || in.Next {
		return nil, &VocabularyError{i, "a look-up of more than a library's function"}
	}
	looks, handle := does("LooksUp", g, lib), int(in.Handle)
	switch {
	case out.Err == model.ClassMissingSymbol:
		return []way{{looks, does("Missing", g, handle)}}, nil
	case out.Err == model.ClassBadHandle:
		return []way{{looks, does("BadHandle", g, handle)}}, nil
	case out.Err == "" && out.Kind == model.KindFunction && out.Pointer != 0:
		p := int(out.Pointer)
		found := action{name: "Found", arguments: []any{g, handle, p}, pointer: p}
		return []way{{looks, found}}, nil
	}
	return nil, nil
}
