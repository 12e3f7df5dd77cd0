package batch_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/batch"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

var update = flag.Bool("update", false, "write tla/TraceData.tla")

// recorded is a trace of the real linker; name is what the example in the folder tla calls it.
func recorded(t testing.TB) batch.Input {
	t.Helper()
	data, err := os.ReadFile("../corrupt/testdata/trace.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := trace.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return batch.Input{Name: "lincheck/trace/corrupt/testdata/trace.jsonl", Trace: tr}
}

// prefix is the beginning of a trace, which is a trace.
func prefix(input batch.Input, n int) batch.Input {
	return batch.Input{Name: input.Name,
		Trace: &trace.Trace{Config: input.Trace.Config, Events: input.Trace.Events[:n]}}
}

// The example beside the specification is what would be generated now.
func TestExampleInTheFolder(t *testing.T) {
	module, _, err := batch.Generate([]batch.Input{prefix(recorded(t), 40)})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("../../../tla/TraceData.tla", []byte(module), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inFolder, err := os.ReadFile("../../../tla/TraceData.tla")
	if err != nil {
		t.Fatal(err)
	}
	if string(inFolder) != module {
		t.Error("tla/TraceData.tla is not what is generated: go test ./lincheck/trace/batch -run " +
			"Folder -update")
	}
}

func TestGenerate(t *testing.T) {
	whole := recorded(t)
	module, config, err := batch.Generate([]batch.Input{whole, prefix(whole, 2)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"---- MODULE TraceData ----\n", "Trace2 == <<\n<<\"Park\", g1, None,\n" +
			"    <<\"Parked\", \"Idle\", \"None\", None, None, None, <<>>, 0, 0, 0, 0, 0, 0>>>>,\n",
		"Traces == <<Trace1, Trace2>>\n====\n", "<<\"Work\", g",
		", <<\"LoadModules\", 1>>,\n    <<\"Running\", \"Worked\"", "<<\"Spawn\", g1, g2,\n",
	} {
		if !strings.Contains(module, want) {
			t.Errorf("%q is not in the module", want)
		}
	}
	if n := strings.Count(module, "\n<<\""); n != len(whole.Trace.Events)+2 {
		t.Errorf("%d events in the module", n)
	}
	for _, want := range []string{
		"SPECIFICATION TraceSpec\n", "    Initial = {g1}\n", "    MaxLog = 4\n",
		"    Batch = 100\n", "    MaxTable = 1073741824\n",
		`"Park", "Cancel", "Crash", "Spawn", "Detach", "FailApply", "FailUndo"}`, "    Agreement\n",
		"POSTCONDITION AllMatched\n", "CHECK_DEADLOCK TRUE\n",
	} {
		if !strings.Contains(config, want) {
			t.Errorf("%q is not in\n%s", want, config)
		}
	}
	if strings.Contains(config, "g64") {
		t.Error("slots that do not occur are in the configuration")
	}
}

// A name cannot break out of its comment.
func TestNamesAreComments(t *testing.T) {
	input := prefix(recorded(t), 2)
	input.Name = "a\nb == <<>>\r\x00é"
	module, _, err := batch.Generate([]batch.Input{input})
	if err != nil || !strings.Contains(module, "\\* a?b == <<>>???\nTrace1") {
		t.Errorf("%v\n%s", err, module)
	}
}

func TestGenerateRefuses(t *testing.T) {
	good := prefix(recorded(t), 10)
	changed := func(change func(*protocol.Config)) batch.Input {
		t := *good.Trace
		change(&t.Config)
		return batch.Input{Name: "other", Trace: &t}
	}
	outside := prefix(recorded(t), 10)
	outside.Trace.Config.Groups = 1
	for _, c := range []struct {
		name   string
		inputs []batch.Input
		want   error
	}{
		{"no traces", nil, batch.ErrEmpty},
		{"no events", []batch.Input{good, prefix(good, 0)}, batch.ErrEmpty},
		{"other constants", []batch.Input{good, changed(func(c *protocol.Config) { c.Batch++ })},
			batch.ErrMixed},
		{"impossible constants", []batch.Input{changed(func(c *protocol.Config) { c.MaxLog = 99 })},
			protocol.ErrConfig},
		{"large numbers", []batch.Input{changed(func(c *protocol.Config) { c.Batch = 1 << 31 })},
			batch.ErrNumber},
		{"groups outside of the slots", []batch.Input{outside}, protocol.ErrConfig},
	} {
		if _, _, err := batch.Generate(c.inputs); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}
