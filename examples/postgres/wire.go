package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/lib/pq"

	"github.com/lockstep-wasm/lockstep/linker/emscripten"
)

// wire is the connection of a client: two streams of bytes that hold as much as is written.
type wire struct {
	mu       sync.Mutex
	wake     *sync.Cond
	in, out  bytes.Buffer
	inClosed bool
	allowed  int // bytes of a message that the server may read: it reads ahead otherwise
}

func newWire() *wire {
	w := &wire{}
	w.wake = sync.NewCond(&w.mu)
	return w
}

// write is what a client sends.
func (w *wire) write(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.in.Write(p)
	w.wake.Broadcast()
}

// end says that no more comes from the client.
func (w *wire) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inClosed = true
	w.wake.Broadcast()
}

// wait waits until the client has sent n bytes, and returns them; they stay there.
func (w *wire) wait(n int) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.in.Len() < n {
		if w.inClosed {
			return nil, io.EOF
		}
		w.wake.Wait()
	}
	return bytes.Clone(w.in.Bytes()[:n]), nil
}

func (w *wire) take(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.in.Next(n)
}

// allow lets the server read the next message when it is there as a whole. The error is io.EOF when
// the client leaves instead.
func (w *wire) allow() error {
	head, err := w.wait(5)
	if err != nil || head[0] == 'X' {
		return io.EOF
	}
	n := 1 + int(binary.BigEndian.Uint32(head[1:]))
	if _, err := w.wait(n); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed = n
	return nil
}

// fromClient is the server's read. It waits if the server wants more than the message that it was
// given, for "copy from stdin" for instance, and returns 0 at the end.
func (w *wire) fromClient(p []byte) int {
	w.mu.Lock()
	allowed := w.allowed
	w.mu.Unlock()
	if allowed == 0 {
		if err := w.allow(); err != nil {
			return 0
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n, _ := w.in.Read(p[:min(len(p), w.allowed)])
	w.allowed -= n
	return n
}

// toClient is the server's write.
func (w *wire) toClient(p []byte) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out.Write(p)
	w.wake.Broadcast()
	return len(p)
}

// sent takes what the server has written.
func (w *wire) sent() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := bytes.Clone(w.out.Bytes())
	w.out.Reset()
	return b
}

// Codes of the messages that a connection begins with.
const (
	protocol3  = 3 << 16
	cancelCode = 80877102
	sslCode    = 80877103
	gssCode    = 80877104
)

// Connector returns what database/sql opens connections with. They have one session: a second one
// is opened when the first is closed, so set SetMaxOpenConns(1).
func (s *Server) Connector() (*pq.Connector, error) {
	c, err := pq.NewConnector("host=server user=postgres dbname=postgres sslmode=disable")
	if err == nil {
		c.Dialer(dialer{s})
	}
	return c, err
}

// serveClient serves a connection until the client leaves.
func (s *Server) serveClient(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	w := newWire()
	go func() {
		defer w.end()
		b := make([]byte, 1<<16)
		for {
			n, err := conn.Read(b)
			w.write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	if err := greet(w, conn); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	defer s.take(nil)
	if !s.take(conn) {
		return net.ErrClosed
	}
	s.client = w
	if err := s.startSession(ctx); err != nil {
		return err
	}
	for {
		if _, err := conn.Write(w.sent()); err != nil {
			return s.reset(ctx)
		}
		if err := w.allow(); err != nil {
			return s.reset(ctx)
		}
		if err := s.step(ctx); err != nil {
			return err
		}
	}
}

// greet answers what comes before the startup message, which stays in the wire.
func greet(w *wire, conn net.Conn) error {
	for {
		head, err := w.wait(8)
		if err != nil {
			return err
		}
		length, code := int(binary.BigEndian.Uint32(head)), binary.BigEndian.Uint32(head[4:])
		switch {
		case code == sslCode || code == gssCode:
			w.take(8)
			if _, err := conn.Write([]byte("N")); err != nil {
				return err
			}
		case code == protocol3 && length >= 8 && length <= 1<<16:
			_, err := w.wait(length)
			w.allowed = length
			return err
		default: // a request to cancel something, which comes too late here
			return io.EOF
		}
	}
}

// startSession hands the startup message to the server.
func (s *Server) startSession(ctx context.Context) error {
	port, err := s.p.Call(ctx, "pgl_getMyProcPort")
	if err != nil {
		return err
	}
	code, err := s.p.Call(ctx, "ProcessStartupPacket", port[0], 1, 1)
	if err == nil && code[0] != 0 {
		err = fmt.Errorf("postgres: startup message refused: status %d", int32(code[0]))
	}
	if err != nil {
		return err
	}
	if _, err := s.p.Call(ctx, "pgl_sendConnData"); err != nil {
		return err
	}
	_, err = s.p.Call(ctx, "pgl_pq_flush")
	return err
}

// step lets the server answer one message. It leaves its main loop with an exit when a statement
// has failed, and is told to recover then.
func (s *Server) step(ctx context.Context) error {
	stack, err := s.p.Call(ctx, "emscripten_stack_get_current")
	if err != nil {
		return err
	}
	_, err = s.p.Call(ctx, "PostgresMainLoopOnce")
	if exit := (*emscripten.ExitError)(nil); errors.As(err, &exit) && exit.Code == exitLongjmp {
		if _, err = s.p.Call(ctx, "_emscripten_stack_restore", stack[0]); err == nil {
			_, err = s.p.Call(ctx, "PostgresMainLongJmp")
		}
	}
	if err != nil {
		return err
	}
	if _, err := s.p.Call(ctx, "PostgresSendReadyForQueryIfNecessary"); err != nil {
		return err
	}
	_, err = s.p.Call(ctx, "pgl_pq_flush")
	return err
}

// reset makes the session as a new one, for the next client.
func (s *Server) reset(ctx context.Context) error {
	for _, sql := range []string{"ROLLBACK", "DISCARD ALL"} {
		w := newWire()
		s.client = w
		w.write(append(binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(4+len(sql)+1)), sql+
			"\x00"...))
		if err := w.allow(); err != nil {
			return err
		}
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	return nil
}
