package coord_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// nothingToApply is a participant without instances: what is measured is the protocol.
type nothingToApply struct{}

func (nothingToApply) Apply(context.Context, coord.Operation) error { return nil }
func (nothingToApply) Undo(context.Context, coord.Operation) error  { return nil }

type emptyWork struct{}

func (emptyWork) Do(context.Context) (coord.Operation, bool, error) {
	return coord.Operation{Kind: protocol.ResolveFunction}, true, nil
}
func (emptyWork) Undo(context.Context) error { return nil }
func (emptyWork) Commit(uint64)              {}

func benchImage(b *testing.B, parked int, cfg coord.Config) *coord.Member {
	_, first, err := coord.New(cfg, nothingToApply{})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	if err := first.Enter(ctx); err != nil {
		b.Fatal(err)
	}
	for range parked {
		child, err := first.Spawn(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := child.Attach(ctx,
			func(context.Context, int) (coord.Participant, error) {
				return nothingToApply{}, nil
			}); err != nil {
			b.Fatal(err)
		}
	}
	return first
}

func BenchmarkLink(b *testing.B) {
	for _, parked := range []int{0, 1, 8, 63} {
		b.Run(fmt.Sprintf("parked-%d", parked), func(b *testing.B) {
			m := benchImage(b, parked, coord.Config{})
			ctx := context.Background()
			for b.Loop() {
				if _, err := m.Link(ctx, emptyWork{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Contended measures operations by several groups at once, in both waiting
// strategies: who waits for the lease takes part in the others' operations.
func BenchmarkLinkContended(b *testing.B) {
	for name, waiting := range map[string]func() coord.Waiting{
		"notified": coord.Notified,
		"polling":  func() coord.Waiting { return coord.Polling(coord.ReferenceBackoff()) },
	} {
		b.Run(name, func(b *testing.B) {
			first := benchImage(b, 0, coord.Config{Waiting: waiting()})
			ctx := context.Background()
			b.SetParallelism(2)
			members := make(chan *coord.Member, 16)
			for range cap(members) {
				child, err := first.Spawn(ctx)
				if err != nil {
					b.Fatal(err)
				}
				m, err := child.Attach(ctx,
					func(context.Context, int) (coord.Participant, error) {
						return nothingToApply{}, nil
					})
				if err != nil {
					b.Fatal(err)
				}
				members <- m
			}
			first.Park()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				m := <-members
				for pb.Next() {
					if err := m.Enter(ctx); err != nil {
						b.Error(err)
						return
					}
					if _, err := m.Link(ctx, emptyWork{}); err != nil {
						b.Error(err)
						return
					}
					m.Park()
				}
				members <- m
			})
		})
	}
}

func BenchmarkSafepoint(b *testing.B) {
	m := benchImage(b, 1, coord.Config{})
	ctx := context.Background()
	for b.Loop() {
		if err := m.Safepoint(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnterPark(b *testing.B) {
	m := benchImage(b, 1, coord.Config{})
	ctx := context.Background()
	m.Park()
	for b.Loop() {
		if err := m.Enter(ctx); err != nil {
			b.Fatal(err)
		}
		m.Park()
	}
}
