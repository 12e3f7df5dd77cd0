package failpoint_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
)

func TestInject(t *testing.T) {
	if err := failpoint.Inject(nil).At(t.Context(), nil, failpoint.Read); err != nil {
		t.Errorf("nothing is injected, and the error is %v", err)
	}
	injected := errors.New("injected")
	f := failpoint.Inject(func(_ context.Context, group any, p failpoint.Point) error {
		if group == 7 && p == failpoint.Bind {
			return injected
		}
		return nil
	})
	if err := f.At(t.Context(), 7, failpoint.Bind); !errors.Is(err, injected) {
		t.Errorf("got %v, want the injected error", err)
	}
	if err := f.At(t.Context(), 7, failpoint.Read); err != nil {
		t.Errorf("another point fails with %v", err)
	}
}
