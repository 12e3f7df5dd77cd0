package linker

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// OtherBytesError says that [Group.OpenBytes] was asked for a library under a name that another
// library has, which is loaded. The old one has to be closed first, or the new one has to have
// another name: a name with a version in it, for instance, as package plugin gives its plug-ins.
type OtherBytesError struct {
	Name string
	// where the library comes from that has the name; Name if it was given as bytes, too
	File string
}

// Error implements the error interface.
func (e *OtherBytesError) Error() string {
	return fmt.Sprintf("linker: %s is loaded already, with other contents (from %s): close it, "+
		"or give the new version a name of its own", text.Name(e.Name), text.Name(e.File))
}

// sumOf returns the sum of the bytes that a caller gives, nil if it gives none.
func (l *Linker) sumOf(bytes []byte) *image.Sum {
	if len(bytes) == 0 {
		return nil
	}
	sum := l.sums.Of(bytes)
	return &sum
}
