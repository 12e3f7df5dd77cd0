package tla

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Exports of the embedded checker. The names without meaning are what its tool chain (wasm-bindgen)
// calls its allocator: malloc(size, align), and free(pointer, size, align).
const (
	exportCheck  = "check_spec_with_cfg"
	exportStack  = "__wbindgen_add_to_stack_pointer"
	exportMalloc = "__wbindgen_export"
	exportFree   = "__wbindgen_export3"
)

// ErrChecker means that the embedded checker itself failed: it trapped, or it is not the module
// that this package was written for.
var ErrChecker = errors.New("tla: the embedded checker failed")

// How the checker can break its interface; an [ErrChecker] is around each.
var (
	errAnswer  = errors.New("the answer is outside of the memory")
	errNoRoom  = errors.New("the checker's memory is too small for the specification")
	errResults = errors.New("another number of results than one")
)

// Checker is the embedded model checker: a TLA+ checker compiled to WebAssembly, in the npm package
// tla-checker, run by wazero. It needs no Java, but explores about 700 states a second, checks
// safety only, and reads a part of TLA+; see [Prepare] and [Lint].
//
// A Checker may be used from any goroutine; each check has a memory of its own.
type Checker struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	cache    wazero.CompilationCache
}

// CheckerConfig configures [NewChecker].
type CheckerConfig struct {
	// CacheDir is where compiled code is kept between runs, since compiling takes about a second.
	// Empty means a folder in [os.UserCacheDir], or in [os.TempDir] where that cannot be written.
	CacheDir string
	// Interruptible makes a check end when its context ends. It costs much: a check takes up to
	// three times as long, because the compiled code then looks for it in every loop. Without, a
	// check that has started comes to its own end, which [EmbeddedJob.MaxStates] bounds.
	Interruptible bool
}

// NewChecker compiles the checker. wasm is the file tla_checker_bg.wasm of the npm package
// tla-checker. Errors wrap [ErrChecker].
func NewChecker(ctx context.Context, wasm []byte, config CheckerConfig) (*Checker, error) {
	c := &Checker{cache: openCache(config.CacheDir)}
	runtimeConfig := wazero.NewRuntimeConfig().WithCompilationCache(c.cache).WithCloseOnContextDone(
		config.Interruptible)
	c.runtime = wazero.NewRuntimeWithConfig(ctx, runtimeConfig)
	var err error
	if c.compiled, err = c.runtime.CompileModule(ctx, wasm); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrChecker, err), c.Close(ctx))
	}
	for _, name := range []string{exportCheck, exportStack, exportMalloc, exportFree} {
		if _, ok := c.compiled.ExportedFunctions()[name]; !ok {
			return nil, errors.Join(fmt.Errorf("%w: it has no export %q", ErrChecker, name),
				c.Close(ctx))
		}
	}
	return c, nil
}

// openCache returns a cache on disk, or one in memory where no folder can be written: a cache that
// cannot be had costs a second, not the check.
func openCache(dir string) wazero.CompilationCache {
	candidates := []string{dir}
	if dir == "" {
		candidates = candidates[:0]
		if user, err := os.UserCacheDir(); err == nil {
			candidates = append(candidates, filepath.Join(user, "lockstep", "wazero"))
		}
		candidates = append(candidates, filepath.Join(os.TempDir(), "lockstep-wazero"))
	}
	for _, candidate := range candidates {
		if cache, err := wazero.NewCompilationCacheWithDir(candidate); err == nil {
			return cache
		}
	}
	return wazero.NewCompilationCache()
}

// Close frees what the checker holds. No check may be running.
func (c *Checker) Close(ctx context.Context) error {
	return errors.Join(c.runtime.Close(ctx), c.cache.Close(ctx))
}

// EmbeddedJob is what the embedded checker is given. [Prepare] makes one from a folder of
// specifications.
type EmbeddedJob struct {
	// Specification is one module that extends TLA+'s own modules only.
	Specification string
	// Config is a TLC configuration with at least one invariant: without, the checker would choose
	// definitions by their names.
	Config string
	// Invariants are the names in Config, in order: the checker reports a violation by its index.
	Invariants []string
	// MaxStates and MaxDepth end the search with an error when reached; 0 means a million of each.
	MaxStates, MaxDepth int
}

// Check runs one job to its end; see [CheckerConfig] for the context. The error wraps [ErrChecker]
// when the checker trapped, and the context's error when that ended; what is wrong with the
// specification is in the result.
func (c *Checker) Check(ctx context.Context, job EmbeddedJob) (*EmbeddedResult, error) {
	// anonymous, so that checks can run side by side
	config := wazero.NewModuleConfig().WithName("")
	instance, err := c.runtime.InstantiateModule(ctx, c.compiled, config)
	if err != nil {
		return nil, checkerError(ctx, err)
	}
	defer instance.Close(context.WithoutCancel(ctx))
	call := &checkerCall{instance: instance}
	text, err := call.run(ctx, job)
	if err != nil {
		return nil, checkerError(ctx, err)
	}
	return parseEmbedded(text, job.Invariants)
}

// checkerError says whether the checker failed or was told to stop.
func checkerError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("tla: the check was ended: %w", cause)
	}
	return fmt.Errorf("%w: %w", ErrChecker, err)
}

// checkerCall is one call of the checker, in an instance of its own.
type checkerCall struct {
	instance api.Module
}

// run passes the strings by pointer and length and reads the string that comes back. The callee
// writes its pointer and length to the place that the first argument says, on its own stack, and
// takes over the memory of its arguments.
func (c *checkerCall) run(ctx context.Context, job EmbeddedJob) (string, error) {
	stack, err := c.call(ctx, exportStack, api.EncodeI32(-16))
	if err != nil {
		return "", err
	}
	args := []uint64{stack}
	for _, s := range []string{job.Specification, job.Config, "{}"} {
		pointer, err := c.pass(ctx, s)
		if err != nil {
			return "", err
		}
		args = append(args, pointer, uint64(len(s)))
	}
	const million = 1_000_000
	maxStates, maxDepth := job.MaxStates, job.MaxDepth
	if maxStates <= 0 {
		maxStates = million
	}
	if maxDepth <= 0 {
		maxDepth = million
	}
	// allow_deadlock is false: the configuration's CHECK_DEADLOCK decides. export_dot is false.
	args = append(args, api.EncodeI32(int32(maxStates)), api.EncodeI32(int32(maxDepth)), 0, 0)
	if _, err := c.instance.ExportedFunction(exportCheck).Call(ctx, args...); err != nil {
		return "", err
	}
	answer, ok := c.instance.Memory().Read(uint32(stack), 8)
	if !ok {
		return "", fmt.Errorf("%w, by its address", errAnswer)
	}
	pointer, length := binary.LittleEndian.Uint32(answer), binary.LittleEndian.Uint32(answer[4:])
	text, ok := c.instance.Memory().Read(pointer, length)
	if !ok {
		return "", errAnswer
	}
	// The instance is closed after this call, and its memory with it: nothing to free.
	return string(text), nil
}

// pass copies s into the checker's memory.
func (c *checkerCall) pass(ctx context.Context, s string) (uint64, error) {
	pointer, err := c.call(ctx, exportMalloc, uint64(len(s)), 1)
	if err != nil {
		return 0, err
	}
	if !c.instance.Memory().WriteString(uint32(pointer), s) {
		return 0, errNoRoom
	}
	return pointer, nil
}

func (c *checkerCall) call(ctx context.Context, name string, args ...uint64) (uint64, error) {
	results, err := c.instance.ExportedFunction(name).Call(ctx, args...)
	if err != nil {
		return 0, err
	}
	if len(results) != 1 {
		return 0, fmt.Errorf("%w: %s returned %d", errResults, name, len(results))
	}
	return results[0], nil
}
