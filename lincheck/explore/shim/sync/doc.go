// Package sync is the standard package sync with scheduling points: the instrumenter imports it in
// its place.
//
// For a goroutine that is not under the explorer's scheduler every type is the standard one, and an
// object must not be used by goroutines of both kinds at the same time.
//
// It is for this project, and promises nothing to other modules.
package sync
