package linker

import "context"

// Receipt tells where a call stands in the order of all link operations. A recorder of histories
// asks for it with [WithReceipt].
type Receipt struct {
	// Commit is the number of the operation that the call committed, from 1; 0 when it changed
	// nothing.
	Commit uint64
	// Read is the number of the last operation that a call saw which changed nothing, if Known.
	Read  uint64
	Known bool
}

type receiptKey struct{}

// WithReceipt returns a context for one call of Open, OpenBytes, Symbol, Call, CloseLibrary,
// AllocateClosure, SetClosure or Spawn, which then fills in the receipt before it returns. For Call
// it tells when the function was looked up: what the function itself looks up while it runs may
// come later.
//
// Open, OpenBytes, Symbol and Call fill it in as well when they fail because of what they found, or
// did not find: as calls that changed nothing. See "Why has a look-up that finds nothing a place in
// the order?" in spec/rationale.md. Other calls that fail, and those that are cancelled or come too
// late, may leave the receipt as it is.
func WithReceipt(ctx context.Context, r *Receipt) context.Context {
	return context.WithValue(ctx, receiptKey{}, r)
}

// receive fills in the receipt of a context, if there is one.
func receive(ctx context.Context, commit, read uint64) {
	if r, _ := ctx.Value(receiptKey{}).(*Receipt); r != nil {
		*r = Receipt{Commit: commit, Read: read, Known: commit == 0}
	}
}
