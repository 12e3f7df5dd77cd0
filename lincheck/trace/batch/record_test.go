package batch_test

import (
	"errors"
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/lincheck/trace/batch"
	"github.com/lockstep-wasm/lockstep/tla"
)

// A change of either module makes a record stale.
func TestInputs(t *testing.T) {
	folder := fstest.MapFS{}
	for _, name := range []string{"LinkerSync.tla", "TraceLinkerSync.tla"} {
		data, err := fs.ReadFile(tla.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		folder[name] = &fstest.MapFile{Data: data}
	}
	inputs, err := batch.Inputs(folder)
	if err != nil {
		t.Fatal(err)
	}
	r := &batch.Record{Inputs: inputs}
	if err := r.Fresh(folder); err != nil {
		t.Errorf("nothing changed: %v", err)
	}
	for name, file := range folder {
		changed := maps.Clone(folder)
		changed[name] = &fstest.MapFile{Data: append([]byte("\\* new\n"), file.Data...)}
		if err := r.Fresh(changed); !errors.Is(err, batch.ErrStale) {
			t.Errorf("%s changed: %v", name, err)
		}
		delete(changed, name)
		if err := r.Fresh(changed); !errors.Is(err, batch.ErrRecord) {
			t.Errorf("%s is missing: %v", name, err)
		}
	}
}

func TestLoadRecord(t *testing.T) {
	for name, folder := range map[string]fstest.MapFS{
		"none": {}, "broken": {batch.RecordFile: {Data: []byte("{")}},
	} {
		if _, err := batch.LoadRecord(folder); !errors.Is(err, batch.ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := &batch.Record{TLC: "TLC", Refused: []batch.Refused{{Kind: "k", Event: 3}}}
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := batch.LoadRecord(fstest.MapFS{batch.RecordFile: {Data: text}})
	if err != nil || again.TLC != r.TLC || len(again.Refused) != 1 || again.Refused[0] != r.Refused[0] {
		t.Errorf("%+v, %v", again, err)
	}
}
