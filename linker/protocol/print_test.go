package protocol_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

func Example() {
	s := protocol.NewState(protocol.Config{Groups: 2, Initial: 2, MaxLog: 1})
	fmt.Printf("%q\n", s.RequestLease(0))
	fmt.Printf("%q\n", s.GrantLease(1))
	step, _ := protocol.ParseStep("GrantLease(g1)")
	fmt.Println(s.Perform(step), s.Holder, s.Check())
	// Output:
	// ""
	// "stage[g] = \"WaitLease\""
	// <nil> g1 <nil>
}

func TestTLA(t *testing.T) {
	s := after(t, everything(3, 2), broadcast...)
	const want = `/\ mode = (g1 :> "Running" @@ g2 :> "Running" @@ g3 :> "Gone")
/\ stage = (g1 :> "Replaying" @@ g2 :> "Idle" @@ g3 :> "Idle")
/\ leaseQueue = <<>>
/\ holder = g1
/\ stateQueue = <<>>
/\ writer = None
/\ readers = {g1, g2}
/\ leader = g1
/\ op = <<"LoadModules", 1>>
/\ part = (g1 :> "None" @@ g2 :> "Arrived" @@ g3 :> "None")
/\ mail = (g1 :> <<>> @@ g2 :> <<<<"LoadModules", 1>>>> @@ g3 :> <<>>)
/\ failed = FALSE
/\ view = (g1 :> <<<<"LoadModules", 1>>>> @@ g2 :> <<>> @@ g3 :> <<>>)
/\ log = <<>>
/\ table = 0
/\ free = 0
/\ taken = 0
/\ poisoned = FALSE`
	if got := s.TLA(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestJSON(t *testing.T) {
	s := after(t, everything(2, 2), join(broadcast, []string{"FailApply(g2)"})...)
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"mode":["Running","Running"],"stage":["Replaying","Idle"],"leaseQueue":[],"holder":"g1","stateQueue":[],"writer":"None",` +
		`"readers":["g1","g2"],"leader":"g1","op":["LoadModules",1],"part":["None","Failed"],"mail":[[],[]],"failed":true,` +
		`"view":[[["LoadModules",1]],[]],"log":[],"table":0,"free":0,"taken":0,"poisoned":false}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestParseRefusesNonsense(t *testing.T) {
	for _, text := range []string{
		"", "Fly(g1)", "Commit", "Commit()", "Commit(g0)", "Commit(g65)", "Commit(g01)",
		"Commit(g1", "Commit(g1, g2)", "Commit(h1)",
		"Spawn(g1)", "Spawn(g1, )", "Spawn(g1, g2, g3)", "Checkpoint()", "Checkpoint(g1)",
		"Checkpoint(g1, g2)",
		"Work(g1)", "Work(g1, <<>", "Work(g1, LoadModules)", `Work(g1, <<"Nothing", 1>>)`,
		`Work(g1, <<"LoadModules", 256>>)`, `Work(g1, <<LoadModules, 1>>)`,
		`Work(g1, <<"LoadModules">>)`, `Work(g1, <<"", 1>>)`,
	} {
		if step, err := protocol.ParseStep(text); !errors.Is(err, protocol.ErrUnknownName) {
			t.Errorf("%q reads as %v (%v), want ErrUnknownName", text, step, err)
		}
	}
	if g, err := protocol.ParseGroup("None"); g != protocol.NoGroup || err != nil {
		t.Errorf("None reads as %v, %v", g, err)
	}
	for name, err := range map[string]error{
		"feature": func() error { _, err := protocol.ParseFeature("Fly"); return err }(),
		"guard":   func() error { _, err := protocol.ParseGuard("Fly"); return err }(),
		"kind":    func() error { _, err := protocol.ParseOpKind(""); return err }(),
		"action":  func() error { _, err := protocol.ParseAction("Fly"); return err }(),
		"group":   func() error { _, err := protocol.ParseGroup("g"); return err }(),
	} {
		if !errors.Is(err, protocol.ErrUnknownName) {
			t.Errorf("%s: %v, want ErrUnknownName", name, err)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		config protocol.Config
		ok     bool
	}{
		{protocol.Config{Groups: 1, MaxLog: 1}, true},
		{protocol.Config{Groups: protocol.MaxGroups, Initial: protocol.MaxGroups,
			MaxLog: protocol.LogCapacity}, true},
		{protocol.Config{Groups: 0, MaxLog: 1}, false},
		{protocol.Config{Groups: protocol.MaxGroups + 1, MaxLog: 1}, false},
		{protocol.Config{Groups: 2, Initial: 3, MaxLog: 1}, false},
		{protocol.Config{Groups: 2, MaxLog: 0}, false},
		{protocol.Config{Groups: 2, MaxLog: protocol.LogCapacity + 1}, false},
	} {
		if err := c.config.Validate(); (err == nil) != c.ok || err != nil &&
			!errors.Is(err, protocol.ErrConfig) {
			t.Errorf("%+v: %v, want valid: %v", c.config, err, c.ok)
		}
	}
}
