package corrupt_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/corrupt"
)

// Take an event out of the trace of a real linker, and see where that is noticed.
func Example() {
	file, err := os.Open("testdata/trace.jsonl")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	t, err := trace.Read(file)
	if err != nil {
		log.Fatal(err)
	}
	for _, kind := range corrupt.Kinds() {
		if kind.Name != "lost-arrival" {
			continue
		}
		wrong, at, _ := kind.Apply(t)
		var rejected *trace.RejectedError
		if _, err := trace.Validate(wrong); errors.As(err, &rejected) &&
			rejected.Event.Seq == uint64(at)+1 {
			fmt.Println(rejected.Event.Step.Action, "is refused:", rejected.Reason())
		}
	}
	// Output:
	// Broadcast is refused: \A h \in Participants : part[h] = "Arrived" does not hold
}
