package trace_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// FuzzReadTrace reads anything: the errors are those that are promised, what was read is written as
// it was, and replaying it comes to an end without a panic.
func FuzzReadTrace(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(small[:len(small)/2]))
	f.Add([]byte("{\"format\":\"lockstep-trace\",\"version\":1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := trace.Read(bytes.NewReader(data))
		if err != nil {
			var format *trace.FormatError
			if !errors.As(err, &format) && !errors.Is(err, trace.ErrEmpty) {
				t.Errorf("an error of its own: %v", err)
			}
			return
		}
		var again bytes.Buffer
		if err := trace.Write(&again, tr); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.TrimRight(again.Bytes(), "\n"), bytes.TrimRight(data, "\n")) &&
			!bytes.Contains(data, []byte("\r")) {
			t.Errorf("read\n%s\nwritten\n%s", data, again.Bytes())
		}
		if _, err := trace.Validate(tr); err != nil {
			var rejected *trace.RejectedError
			if !errors.As(err, &rejected) && !errors.Is(err, protocol.ErrConfig) {
				t.Errorf("an error of its own: %v", err)
			}
		}
	})
}
