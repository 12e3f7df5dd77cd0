package linker

import "context"

// Receipt tells where a call stands in the order of all link operations. Whoever records histories of a linker
// asks for it with [WithReceipt].
type Receipt struct {
	// Commit is the number of the operation that the call committed, from 1; 0 when it changed nothing.
	Commit uint64
	// Read is the number of the last operation that a call saw which changed nothing, if Known.
	Read  uint64
	Known bool
}

type receiptKey struct{}

// WithReceipt returns a context for one call of Open, OpenBytes, Symbol, CloseLibrary, AllocateClosure, SetClosure or
// Spawn, which then fills in the receipt before it returns. A call that fails leaves the receipt as it is.
func WithReceipt(ctx context.Context, r *Receipt) context.Context {
	return context.WithValue(ctx, receiptKey{}, r)
}

// receive fills in the receipt of a context, if there is one.
func receive(ctx context.Context, commit, read uint64) {
	if r, _ := ctx.Value(receiptKey{}).(*Receipt); r != nil {
		*r = Receipt{Commit: commit, Read: read, Known: commit == 0}
	}
}
