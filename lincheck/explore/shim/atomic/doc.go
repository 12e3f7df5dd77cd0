// Package atomic is the standard package sync/atomic with scheduling points: the instrumenter
// imports it in its place. Every operation is one step, and is performed on the real variable.
//
// It is for this project, and promises nothing to other modules.
package atomic
