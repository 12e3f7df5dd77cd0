package protocol

import "testing"

// The log grows by the leader's operation, at its end, or is forgotten when it is full; nothing
// else may happen to it.
func TestLogGrows(t *testing.T) {
	state := NewState(
		Config{Groups: 2, Initial: 2, MaxLog: 2, Batch: 1, Features: AllFeatures},
	)
	var states []State
	for _, text := range []string{
		"RequestLease(g1)", "GrantLease(g1)", "RequestState(g1)", "LockState(g1)",
		`Work(g1, <<"LoadModules", 1>>)`,
		"Publish(g1)", "Arrive(g2)", "Broadcast(g1)", "Apply(g2)", "Commit(g1)",
	} {
		step, err := ParseStep(text)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, state)
		if err := state.Perform(step); err != nil {
			t.Fatal(err)
		}
	}
	before, after := states[len(states)-1], state
	if !logGrows(&before, Step{}, &after) {
		t.Error("a commit is refused")
	}
	for name, change := range map[string]func(from, to *State){
		"another operation":           func(from, _ *State) { from.Op.Tag++ },
		"without a leader":            func(from, _ *State) { from.Leader = NoGroup },
		"forgotten before it is full": func(from, to *State) { *from, *to = *to, *from },
	} {
		from, to := before, after
		change(&from, &to)
		if logGrows(&from, Step{}, &to) {
			t.Errorf("%s: accepted", name)
		}
	}
}
