package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Every call that looks something up tells when it did, whether it found anything or not; what
// changed something tells its own number.
func TestReceipts(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[len(groups)-1]
		// receipt does something with a context that asks for a receipt.
		receipt := func(do func(ctx context.Context) error) (r linker.Receipt, err error) {
			err = do(linker.WithReceipt(i.ctx, &r))
			return r, err
		}
		open := func(name string, options ...linker.OpenOption) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := i.g.Open(ctx, name, options...)
				return err
			}
		}
		symbol := func(name string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := i.g.Symbol(ctx, linker.Default, name)
				return err
			}
		}
		call := func(name string, args ...uint64) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := i.g.Call(ctx, linker.Default, name, args...)
				return err
			}
		}
		notLoaded := func(err error) bool { return errors.Is(err, linker.ErrNotLoaded) }
		isSymbol := func(err error) bool { return errors.As(err, new(*linker.SymbolError)) }
		cases := []struct {
			name    string
			do      func(context.Context) error
			commits bool
			fails   func(error) bool
		}{
			{"a look-up that finds nothing", symbol("chain_c"), false, isUndefined},
			{"a call of what nobody has", call("chain_c", 4), false, isUndefined},
			{"what is not loaded", open("libchain_c.wasm", linker.NoLoad), false, notLoaded},
			{"a load that fails", open("libunresolved.wasm", linker.Now), false, isUndefined},
			{"a load", open("libchain_c.wasm", linker.Local), true, nil},
			{"a look-up of what is local", symbol("chain_c"), false, isUndefined},
			{"a promotion", open("libchain_c.wasm", linker.NoLoad), true, nil},
			{"an opening that changes nothing", open("libchain_c.wasm"), false, nil},
			{"a call", call("chain_c", 4), false, nil},
			{"the first look-up", symbol("chain_c"), true, nil},
			{"the second look-up", symbol("chain_c"), false, nil},
			{"a call with other arguments", call("chain_c"), false, isSymbol},
		}
		for _, c := range cases {
			before := i.l.Commits()
			r, err := receipt(c.do)
			switch {
			case c.fails == nil && err != nil || c.fails != nil && !c.fails(err):
				t.Errorf("%s: %v", c.name, err)
			case c.commits && (r != linker.Receipt{Commit: before + 1, Read: before} ||
				i.l.Commits() != before+1):
				t.Errorf("%s: %+v, %d commits, %d before", c.name, r, i.l.Commits(), before)
			case !c.commits &&
				(r != linker.Receipt{Read: before, Known: true} || i.l.Commits() != before):
				t.Errorf("%s: %+v, %d commits, %d before", c.name, r, i.l.Commits(), before)
			}
		}
	})
}
