// Package shim plans how the imports of a module are satisfied, and writes the modules that are
// generated for that: import shims, which gather what a module imports; table writers, which put
// functions into tables; trampolines; and what every group begins with.
//
// It uses decoded modules and the records of package image, and knows neither the engine nor any
// lock: a plan goes in, the bytes of a module come out. A plan is made by one operation, and only
// read afterwards.
package shim
