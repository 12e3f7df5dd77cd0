package linker

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero/sys"
)

// Run starts the main module as WASI does with a command: it calls _start in the first group, and
// returns the exit code when that exits, or 0 when it returns. Either way the program is over then:
// the first group is closed, and so are all threads that the guest has started.
//
// Before that, as in C, handlers of atexit and destructors run, and streams are flushed, if the
// main module's C library can do so: it exports, or _start calls, __wasm_call_dtors. The main
// module's come first. Those of its libraries run only if no group that Go has spawned is left.
//
// The error is anything else that ended the program, a trap for instance, or an
// *UndefinedSymbolError when the main module is no command.
func (l *Linker) Run(ctx context.Context) (code uint32, err error) {
	_, err = l.first.Call(ctx, Default, "_start")
	var exit *sys.ExitError
	switch {
	case errors.As(err, &exit) && !errors.Is(err, ErrGroupClosed):
		return exit.ExitCode(), l.dtors.Failure()
	case err == nil:
		if err = errors.Join(l.endThreadsOf(ctx, []*Group{l.first}), l.finishRun(ctx),
			l.dtors.Failure()); errors.As(err, &exit) {
			return exit.ExitCode(), nil
		}
		l.end(l.first, sys.NewExitError(0))
	}
	return 0, err
}

// finishRun does what has to be done between the return of main and the end of the program.
func (l *Linker) finishRun(ctx context.Context) error {
	return l.first.inside(ctx, func(ctx context.Context, act *activation) error {
		if !l.endsWith(l.first) {
			return nil
		}
		err := l.first.finish(ctx, act)
		if isExit(err) {
			return l.first.closeOnExit(act, err)
		}
		return err
	})
}
