package linker

import "context"

// Block runs f, which may wait for as long as it likes. Meanwhile the group delays no link
// operation: leaders replay their operations in it. f must not use the group, nor the context of
// the call that it runs in. ctx must come from a call into the group.
func (g *Group) Block(ctx context.Context, f func()) (err error) {
	act, err := ownActivation(ctx)
	switch {
	case err != nil:
		return err
	case act == nil || act.group != g:
		return ErrNoGroup
	}
	if err := act.yields(ctx); err != nil {
		return err
	}
	if !act.parks() { // no operation can wait for this group
		f()
		return nil
	}
	return act.Block(ctx, f)
}
