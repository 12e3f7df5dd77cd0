package linker

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero/sys"
)

// Run starts the main module as WASI does with a command: it calls _start in the first group, and returns the exit code when
// that exits, or 0 when it returns. Either way the program is over then: the first group is closed, and so are all
// threads that the guest has started. The error is what else ended it, a trap for instance; an *UndefinedSymbolError
// when the main module is no command.
func (l *Linker) Run(ctx context.Context) (code uint32, err error) {
	_, err = l.first.Call(ctx, Default, "_start")
	var exit *sys.ExitError
	switch {
	case errors.As(err, &exit) && !errors.Is(err, ErrGroupClosed):
		return exit.ExitCode(), nil
	case err == nil:
		if err = l.endThreadsOf(ctx, []*Group{l.first}); errors.As(err, &exit) {
			return exit.ExitCode(), nil
		}
		l.end(l.first, sys.NewExitError(0))
	}
	return 0, err
}
