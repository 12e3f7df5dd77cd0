package linker

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
)

// callee is a function with what calls it in one group.
type callee struct {
	fn     *image.Function
	pool   *space.Pool
	params int // how many words the arguments are
	words  int // of a stack: the arguments or the results, whichever are more
}

func newCallee(fn *image.Function, pool *space.Pool) callee {
	params := words(fn.Type.Params)
	return callee{fn: fn, pool: pool, params: params, words: max(params, words(fn.Type.Results))}
}

// namedCall is a function that was called by name, as it was found after a commit. It is found
// again without a look-up until the next one.
type namedCall struct {
	lib    *Library
	name   string
	commit uint64
	callee
}

// namedCalls are the functions that were called by name last in a group. There is one place for
// several names; most programs call few.
type namedCalls [16]namedCall

// maxRecentName is how long a name is that is kept, at most.
const maxRecentName = 256

// of returns the one place where a name may be kept; another one may be in it.
func (n *namedCalls) of(name string) *namedCall {
	sum := uint(len(name))
	if sum > 0 {
		sum += uint(name[0]) + 3*uint(name[sum/2]) + 5*uint(name[sum-1])
	}
	return &n[sum%uint(len(n))]
}

// keep notes a function that was found.
func (n *namedCalls) keep(lib *Library, name string, commit uint64, p callee) {
	if len(name) <= maxRecentName {
		*n.of(name) = namedCall{lib, name, commit, p}
	}
}
