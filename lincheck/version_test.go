package lincheck

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/model"
)

// Histories of the real linker that were written in version 1 of the format are still read, have
// the verdict that they had, and are the same when they are written in the newest one. With one
// changed result they are violations.
func TestOldFilesAreJudged(t *testing.T) {
	for name, operations := range map[string]int{"version1.jsonl": 82,
		"version1-numbered.jsonl": 74} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(text), `{"format":"lockstep-history","version":1,`) {
				t.Fatal("it is not of version 1")
			}
			h, err := ReadHistory(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if r := Judge(h, Limits{}); r.Verdict != OK || len(h.Operations) != operations {
				t.Errorf("%d operations: %s", len(h.Operations), r)
			}
			var file bytes.Buffer
			if err := WriteHistory(&file, h); err != nil {
				t.Fatal(err)
			}
			if again, err := ReadHistory(&file); err != nil || !reflect.DeepEqual(again, h) {
				t.Errorf("it is another history in the newest version (%v)", err)
			}
			corrupted := 0
			for i := range h.Operations {
				o := &h.Operations[i]
				if o.Input.Op != model.OpCall || o.Output.Err != "" || o.Output.Trap != "" {
					continue
				}
				corrupted++
				o.Output.Result++
				if r := Judge(h, Limits{}); r.Verdict != Violation {
					t.Errorf("%s: %s", o, r)
				}
				o.Output.Result--
			}
			if corrupted == 0 {
				t.Error("there is no call to corrupt")
			}
		})
	}
}
