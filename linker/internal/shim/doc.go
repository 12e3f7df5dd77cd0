// Package shim has the plan by which the imports of a module are satisfied, and the names of the
// modules that are generated for that: import shims, which gather what a module imports; table
// writers, which put functions into tables; what every group begins with.
//
// It uses decoded modules and the records of package image, and knows neither the engine nor any
// lock. All that is here is made by one operation, and only read afterwards.
package shim
