package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Limits of threads.
const (
	maxThreadID       = 1<<29 - 1 // what wasi-threads allows
	maxThreadFailures = 100       // that are kept for Wait
)

// threadStart is the function of the guest that a thread runs: (tid, argument).
const threadStart = "wasi_thread_start"

var threadStartType = wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32}}

// dropThreads forgets threads that were to begin.
func (op *linkOp) dropThreads(since int) {
	for _, late := range op.threads[since:] {
		op.l.guestThreads.done(late.thread, nil)
	}
	op.threads = op.threads[:since]
}

// add notes a thread that is about to start, nil if none may.
func (s *guestThreads) add(cancel context.CancelFunc) *guestThread {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return nil
	}
	if len(s.live) == 0 {
		s.none = make(chan struct{})
		s.live = map[int32]*guestThread{}
	}
	s.used = true
	for {
		s.last++
		if s.last > maxThreadID {
			s.last = 1
		}
		if s.live[s.last] == nil {
			break
		}
	}
	t := &guestThread{id: s.last, cancel: cancel}
	s.live[t.id] = t
	return t
}

// attached tells which group a thread is. If all are being ended, so is this one.
func (s *guestThreads) attached(t *guestThread, g *Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.group = g
	if s.ending {
		g.die(ErrClosed)
	}
}

// done notes that a thread has ended.
func (s *guestThreads) done(t *guestThread, failure error) {
	t.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if failure != nil && len(s.failed) < maxThreadFailures {
		s.failed = append(s.failed, failure)
	}
	delete(s.live, t.id)
	if len(s.live) == 0 {
		close(s.none)
	}
}

// end makes all threads end as soon as they come to a call of the host, and no more start.
func (s *guestThreads) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ending {
		s.ending, s.cause = true, cause
	}
	for _, t := range s.live {
		if t.group != nil {
			t.group.die(cause)
		}
		t.cancel()
	}
}

// ended returns why no more threads are started, nil if they are.
func (s *guestThreads) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// wait waits until there is no thread.
func (s *guestThreads) wait(ctx context.Context) ([]error, error) {
	for {
		s.mu.Lock()
		if len(s.live) == 0 {
			failed := s.failed
			s.failed = nil
			s.mu.Unlock()
			return failed, nil
		}
		none := s.none
		s.mu.Unlock()
		select {
		case <-none:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
