// Package version has the project's version, in one place: CHANGELOG.md's newest section and the
// tags of "make release" are compared with it.
package version

// Number is the version that the next release has, or that this one is.
const Number = "0.1.0"
