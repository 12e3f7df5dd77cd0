package linker

import (
	"context"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// compileCaller compiles the caller of a signature, once for all groups.
func (l *Linker) compileCaller(ctx context.Context, t wasm.FuncType) (wazero.CompiledModule,
	error) {
	l.callersMu.Lock()
	defer l.callersMu.Unlock()
	if c := l.callers[t.Key()]; c != nil {
		return c, nil
	}
	if err := l.signatureRoom(len(l.callers)); err != nil && !ofDestructor(t) {
		return nil, err
	}
	bytes, err := shim.Caller(t)
	if err != nil {
		return nil, err
	}
	c, err := codecache.Compile(ctx, l.shared.Runtime, bytes)
	if err != nil {
		return nil, err
	}
	l.callers[t.Key()] = c
	return c, nil
}

// signatureRoom returns an error if there is code for as many signatures as there may be.
func (l *Linker) signatureRoom(n int) error {
	if limit := l.config.maxSignatures; n >= limit {
		return &LimitError{Limit: limitSignatures, Value: uint64(n) + 1, Max: uint64(limit)}
	}
	return nil
}

// ofDestructor reports whether a signature is one that destructors have. These are called whatever
// the limit is.
func ofDestructor(t wasm.FuncType) bool {
	return len(t.Results) == 0 &&
		(len(t.Params) == 0 || len(t.Params) == 1 && t.Params[0] == wasm.I32)
}
