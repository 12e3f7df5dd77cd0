package sched

import "slices"

// instrumented are the packages of the program that are instrumented. Their init functions add
// themselves, one after the other; nothing changes it later.
var instrumented []string

// Instrumented notes that a package is instrumented. It is for init functions.
func Instrumented(pkg string) { instrumented = append(instrumented, pkg) }

// InstrumentedPackages lists them.
func InstrumentedPackages() []string { return slices.Clone(instrumented) }
