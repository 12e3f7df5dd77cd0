package tla_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/tla"
)

// Say what is on record for each model of a folder.
func Example() {
	suite, err := tla.LoadSuite(os.DirFS("testdata/specs"))
	if err != nil {
		log.Fatal(err)
	}
	record, err := tla.LoadResults(suite.FS)
	if err != nil {
		log.Fatal(err)
	}
	if err := suite.CheckRecord(record); err != nil {
		log.Fatal(err)
	}
	for _, m := range suite.Models {
		r, _ := record.Of(m.Name)
		fmt.Printf("%s: %v %q\n", m.Name, tla.VerdictOf(r.Exit), r.Property)
	}
	// Output:
	// ok: ok ""
	// free: safety "MutualExclusion"
	// dead: deadlock "Deadlock"
	// starve: liveness "EveryWaiterEnters"
	// live: ok ""
	// empty: assumption "Assumption"
	// walk: ok ""
}

// Check a model without Java, and print how a property comes to be violated.
func ExampleChecker_CheckModel() {
	ctx := context.Background()
	wasm, err := stock.Read(stock.TLAChecker)
	if err != nil {
		log.Fatal(err)
	}
	checker, err := tla.NewChecker(ctx, wasm, tla.CheckerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer checker.Close(ctx)
	suite, err := tla.LoadSuite(os.DirFS("testdata/specs"))
	if err != nil {
		log.Fatal(err)
	}
	m, err := suite.Model("free")
	if err != nil {
		log.Fatal(err)
	}
	r, err := checker.CheckModel(ctx, suite, m)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Verdict, r.Property)
	for i := range r.Trace.Steps {
		for _, v := range r.Trace.Changed(i) {
			if v.Name == "pc" {
				fmt.Println(v.Value)
			}
		}
	}
	// Output:
	// safety MutualExclusion
	// [a |-> "idle", b |-> "idle", c |-> "idle"]
	// [a |-> "waiting", b |-> "idle", c |-> "idle"]
	// [a |-> "waiting", b |-> "waiting", c |-> "idle"]
	// [a |-> "critical", b |-> "waiting", c |-> "idle"]
	// [a |-> "critical", b |-> "critical", c |-> "idle"]
}
