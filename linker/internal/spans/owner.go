package spans

import "crypto/sha256"

// Owner says whose a range is, in a way that outlives a module: the same library, loaded again, has
// the same owners. The zero value is no owner.
type Owner struct {
	What  string            // which of its functions, or its data
	File  string            // where it was found, or its name if it was given as bytes
	Found bool              // it is a file
	Code  [sha256.Size]byte // its bytes
}
