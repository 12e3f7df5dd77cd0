package timeline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/timeline"
	"github.com/lockstep-wasm/lockstep/tla"
)

// violations calls f with what the explorer finds in every model of a mistake.
func violations(t *testing.T, f func(m tla.Model, x *model.Explorer, v *model.ViolationError)) {
	t.Helper()
	suite, err := tla.LoadSuite(tla.Files())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range suite.Models {
		if !m.Explorer || m.Exit == 0 {
			continue
		}
		x, err := model.NewExplorer(suite.FS, m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = x.Run(t.Context())
		var v *model.ViolationError
		if !errors.As(err, &v) {
			t.Fatalf("%s: %v", m.Name, err)
		}
		f(m, x, v)
	}
}

// steps reads steps as they print.
func steps(t *testing.T, texts ...string) (list []protocol.Step) {
	t.Helper()
	for _, text := range texts {
		step, err := protocol.ParseStep(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, step)
	}
	return list
}

// An operation of one group, while another one waits for the lease and a third one sleeps.
func TestTimeline(t *testing.T) {
	config := protocol.Config{
		Groups:   4,
		Initial:  3,
		MaxLog:   2,
		Batch:    1,
		Features: protocol.AllFeatures,
	}
	line, err := timeline.New("two operations", config, steps(
		t,
		"Park(g3)",
		"RequestLease(g1)",
		"GrantLease(g1)",
		"RequestLease(g2)",
		"RequestState(g1)",
		"LockState(g1)",
		`Work(g1, <<"LoadModules", 1>>)`,
		"Publish(g1)",
		"Arrive(g2)",
		"Claim(g3)",
		"Broadcast(g1)",
		"Apply(g2)",
		"Apply(g3)",
		"Commit(g1)",
		"GrantLease(g2)",
	), nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := line.WriteText(&b, false); err != nil {
		t.Fatal(err)
	}
	const want = `two operations

            1        10
 operation         111222
     lease    LLLLLLLLLLL L
state lock       SSSSS===
        g1  ━qLLsSW111222C━
        g2  ━━━qqqq?|||==qL
        g3  ·······??|||=··
`
	got, legend, _ := strings.Cut(b.String(), "\n\n         ━")
	if got+"\n" != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(legend, "waits for the lease") || strings.Contains(legend, "poisoned") {
		t.Errorf("legend\n%s", legend)
	}
	if len(line.Waits) != 1 || line.Waits[0].What != "the lease" ||
		line.Lanes[line.Waits[0].From].Name != "g1" || line.Lanes[line.Waits[0].To].Name != "g2" ||
		line.Waits[0].At != 14 {
		t.Errorf("waits: %+v", line.Waits)
	}
	if len(line.Lanes) != 6 {
		t.Errorf("%d lanes: the group that never exists has one", len(line.Lanes))
	}
}

func mustDraw(t *testing.T, x *model.Explorer, v *model.ViolationError) *timeline.Timeline {
	t.Helper()
	line, err := timeline.New("", x.Config, v.Trace, nil)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// In every timeline, the spans of a lane follow each other without overlapping, and every event is
// in one of a group's spans as long as the group exists.
func TestTimelinesAreWhole(t *testing.T) {
	violations(t, func(m tla.Model, x *model.Explorer, v *model.ViolationError) {
		if text, err := json.Marshal(mustDraw(t, x, v)); err != nil ||
			bytes.Contains(text, []byte("null")) {
			t.Errorf("%s: a list is null, which the script takes for none: %v", m.Name, err)
		}
		line, err := timeline.New(m.Name, x.Config, v.Trace, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, lane := range line.Lanes {
			end := 0
			for _, s := range lane.Spans {
				if s.Class == "commit" {
					continue
				}
				if s.From < end || s.To < s.From || s.To > len(line.Events) || s.Label == "" {
					t.Errorf("%s: lane %s: span %+v behind %d", m.Name, lane.Name, s, end)
				}
				end = s.To
			}
		}
	})
}
