package batch_test

import (
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/lincheck/trace/batch"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/corrupt"
	"github.com/lockstep-wasm/lockstep/tla"
)

// What TLC found is on record, for the specification as it is and traces as they are written: it
// accepted a thousand traces of the real linker, of a hundred events or more, and refused every
// kind of corruption.
func TestRecordIsFresh(t *testing.T) {
	r, err := batch.LoadRecord(tla.Files())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Fresh(tla.Files()); err != nil {
		t.Errorf("%v\nrun: go run ./cmd/lockstep trace tlc --record", err)
	}
	if r.Accepted < 1000 || r.Shortest < 100 || r.Events < r.Accepted*r.Shortest || r.TLC == "" {
		t.Errorf("%d traces of at least %d events, %d in all, by %q", r.Accepted, r.Shortest,
			r.Events, r.TLC)
	}
	refused := map[string]batch.Refused{}
	for _, k := range r.Refused {
		refused[k.Kind] = k
	}
	for _, kind := range corrupt.Kinds() {
		k, ok := refused[kind.Name]
		if !ok || k.Event == 0 || int(k.Event) > k.Of || k.Property == "" {
			t.Errorf("corruption %s is not on record as refused: %+v", kind.Name, k)
		}
	}
	if len(refused) != len(corrupt.Kinds()) {
		t.Errorf("%d kinds on record, %d there are", len(refused), len(corrupt.Kinds()))
	}
}

// A change of a module makes a record stale, but for that of the traces, which are others each
// time.
func TestInputs(t *testing.T) {
	folder := fstest.MapFS{}
	for _, name := range []string{
		"LinkerVars.tla", "Lease.tla", "StateLock.tla", "Operation.tla", "Membership.tla",
		"LinkerProperties.tla", "LinkerSync.tla", "TraceLinkerSync.tla", "TraceData.tla",
	} {
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
		text := strings.Replace(string(file.Data), "\n====", "\nNew == 1\n====", 1)
		changed[name] = &fstest.MapFile{Data: []byte(text)}
		want := batch.ErrStale
		if name == "TraceData.tla" {
			want = nil
		}
		if err := r.Fresh(changed); !errors.Is(err, want) {
			t.Errorf("%s changed: %v, want %v", name, err, want)
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
	if err != nil || again.TLC != r.TLC || len(again.Refused) != 1 ||
		again.Refused[0] != r.Refused[0] {
		t.Errorf("%+v, %v", again, err)
	}
}
