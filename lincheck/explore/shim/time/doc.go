// Package time is the standard package time with virtual time: the instrumenter imports it in its
// place.
//
// In a run, time stands still while anything else can happen, and then jumps to the next timer; it
// begins at midnight UTC 2000-01-01, as in testing/synctest. Outside of a run everything is the
// standard package.
//
// It is for this project, and promises nothing to other modules.
package time
