package tla

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

const protocolConstants = `CONSTANTS
    Groups = {g1, g2, g3}
    Initial = {g1, g2}
    None = None
    Kinds = {"LoadModules", "AllocateFunctionTable"}
    Tags = {1, 2}
    MaxLog = 2
    Batch = 3
    MaxTable = 6
    Features = {"Park", "Crash"}
    Off = {"Downgrade"}
`

func parseConstants(t *testing.T, text string) *Config {
	t.Helper()
	c, err := ParseConfig("test.cfg", text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfigProtocol(t *testing.T) {
	got, ops, err := parseConstants(t, protocolConstants).Protocol()
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.Config{Groups: 3, Initial: 2, MaxLog: 2, Batch: 3, MaxTable: 6,
		Features: protocol.FeaturePark | protocol.FeatureCrash, Off: protocol.OffDowngrade}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantOps := []protocol.Op{{Kind: protocol.LoadModules, Tag: 1},
		{Kind: protocol.LoadModules, Tag: 2},
		{Kind: protocol.AllocateFunctionTable, Tag: 1},
		{Kind: protocol.AllocateFunctionTable, Tag: 2}}
	if !slices.Equal(ops, wantOps) {
		t.Errorf("got the operations %v, want %v", ops, wantOps)
	}
}

func TestConfigProtocolRefuses(t *testing.T) {
	for _, c := range []struct {
		from, to string
		constant string // that the error names; empty where linker/protocol itself refuses
		want     error
	}{
		{"Groups = {g1, g2, g3}", "Groups = {}", "Initial", ErrConstant},
		{"Groups = {g1, g2, g3}", "Groups = {a, b, c}", "Groups", ErrConstant},
		{"Groups = {g1, g2, g3}", "Groups = 3", "Groups", ErrConstant},
		{"Groups = {g1, g2, g3}", "Groups <- Many", "Groups", ErrConstant},
		{"Initial = {g1, g2}", "Initial = {g2}", "Initial", ErrConstant},
		{"    Batch = 3\n", "", "Batch", ErrConstant},
		{"MaxLog = 2", "MaxLog = 200", "MaxLog", ErrConstant},
		{"MaxLog = 2", "MaxLog = 0", "", protocol.ErrConfig},
		{"MaxTable = 6", "MaxTable = x", "MaxTable", ErrConstant},
		{"{1, 2}", "{1, 1000}", "Tags", ErrConstant},
		{`{"Park", "Crash"}`, `{Park}`, "Features", ErrConstant},
		{`{"Park", "Crash"}`, `{"Fly"}`, "Features", protocol.ErrUnknownName},
		{`{"Downgrade"}`, `{"Fly"}`, "Off", protocol.ErrUnknownName},
		{`"LoadModules", `, `"Fly", `, "Kinds", protocol.ErrUnknownName},
	} {
		text := strings.Replace(protocolConstants, c.from, c.to, 1)
		if text == protocolConstants {
			t.Fatalf("%q is not in the constants", c.from)
		}
		_, _, err := parseConstants(t, text).Protocol()
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.to, err, c.want)
		}
		var constant *ConstantError
		if errors.As(err, &constant) != (c.constant != "") || constant != nil &&
			constant.Name != c.constant {
			t.Errorf("%s: %v, want an error about %q", c.to, err, c.constant)
		}
	}
}
