package batch_test

import (
	"fmt"
	"log"

	"github.com/lockstep-wasm/lockstep/lincheck/trace/batch"
	"github.com/lockstep-wasm/lockstep/tla"
)

// Say what TLC has found, and whether that is about the specification as it is.
func Example() {
	record, err := batch.LoadRecord(tla.Files())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.Accepted, "traces accepted, fresh:", record.Fresh(tla.Files()) == nil)
	// Output:
	// 1000 traces accepted, fresh: true
}
