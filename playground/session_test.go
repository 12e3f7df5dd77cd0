package playground_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/playground"
)

func newSession(t *testing.T, off ...string) *playground.Session {
	t.Helper()
	s, err := playground.New(playground.Settings{Groups: 3, Initial: 2, MaxLog: 2, Off: off})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load() []string {
	return []string{
		"RequestLease(g1)",
		"GrantLease(g1)",
		"RequestState(g1)",
		"LockState(g1)",
		`Work(g1, <<"LoadModules", 1>>)`,
		"Publish(g1)",
		"Arrive(g2)",
		"Broadcast(g1)",
		"Apply(g2)",
		"Commit(g1)",
	}
}

// Every choice is possible exactly if no guard forbids it, and a session can go back and take
// another way.
func TestSession(t *testing.T) {
	s := newSession(t)
	for i, step := range load() {
		for _, c := range s.View().Choices {
			other := newSession(t)
			for _, before := range load()[:i] {
				if err := other.Perform(before); err != nil {
					t.Fatal(err)
				}
			}
			err := other.Perform(c.Step)
			var refused *protocol.RefusedError
			if (err == nil) != (c.Guard == "") ||
				err != nil && (!errors.As(err, &refused) || string(refused.Guard) != c.Guard) {
				t.Errorf("step %d: %+v, performing it: %v", i, c, err)
			}
		}
		if err := s.Perform(step); err != nil {
			t.Fatal(err)
		}
		if v := s.View(); len(v.Broken) > 0 || v.First != 0 || v.Stuck {
			t.Errorf("after %s: %+v", step, v)
		}
	}
	if v := s.Whole(); v.At != 10 || len(v.Steps) != 10 || len(v.Timeline.Events) != 10 ||
		v.State.Log.Len() != 1 {
		t.Errorf("%+v", v)
	}
	s.Go(6)
	if err := s.Perform("Arrive(g2)"); err != nil {
		t.Fatal(err)
	}
	if v := s.Whole(); v.At != 7 || len(v.Steps) != 7 {
		t.Errorf("after another way: %d of %d", v.At, len(v.Steps))
	}
	if err := s.Perform("Commit(g1)"); !errors.As(err, new(*protocol.RefusedError)) {
		t.Errorf("a step that is not possible: %v", err)
	}
	if err := s.Perform("Nonsense(g1)"); !errors.Is(err, protocol.ErrUnknownName) {
		t.Errorf("a step that does not exist: %v", err)
	}
}

// No list of a view is null in JSON: the page takes each for a list.
func TestViewsHaveLists(t *testing.T) {
	text, err := json.Marshal(newSession(t).Whole())
	if err != nil || strings.Contains(string(text), "null") ||
		!strings.Contains(string(text), `"steps":[]`) {
		t.Errorf("%v\n%s", err, text)
	}
}

// A guard that is off lets a property break, and the picture goes on over the switch.
func TestSessionBreaks(t *testing.T) {
	s := newSession(t)
	for _, step := range load()[:8] {
		if err := s.Perform(step); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SwitchOff([]string{"SecondEpoch"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Perform("Commit(g1)"); err != nil {
		t.Fatal(err)
	}
	v := s.Whole()
	if !slices.Contains(v.Broken, "CommitAfterAll") || v.First != 9 ||
		len(v.Timeline.Events) != 9 ||
		v.Off[0] != "SecondEpoch" {
		t.Errorf("%+v", v)
	}
	if err := s.SwitchOff([]string{"Nonsense"}); !errors.Is(err, protocol.ErrUnknownName) {
		t.Errorf("%v", err)
	}
}

func TestSettings(t *testing.T) {
	for _, wrong := range []playground.Settings{{}, {Groups: 9, MaxLog: 1},
		{Groups: 2, Initial: 3, MaxLog: 1}, {Groups: 2, MaxLog: 5}} {
		if s, err := playground.New(wrong); !errors.Is(err, playground.ErrSettings) || s != nil {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	s := newSession(t)
	err := s.Load(
		protocol.Config{Groups: 2, Initial: 2, MaxLog: 2, Features: protocol.AllFeatures},
		[]string{"Commit(g1)"},
	)
	if err == nil || !strings.Contains(err.Error(), "step 1") || len(s.Whole().Groups) != 3 {
		t.Errorf("a behaviour that is none: %v", err)
	}
}
