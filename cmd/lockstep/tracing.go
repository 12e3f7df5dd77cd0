package main

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/lockstep-wasm/lockstep/linker"
)

// writer is io.Writer, in short signatures.
type writer = io.Writer

// random is a source of randomness for programs.
type random struct{}

// Read implements io.Reader.
func (random) Read(p []byte) (int, error) { return rand.Read(p) }

// traceHandler writes each record of the linker as a line: the topic, what happened, and with what.
type traceHandler struct {
	topics map[string]bool
	names  *strings.Replacer // turns names of files into what the user calls them

	mu sync.Mutex
	w  io.Writer // guarded by mu
}

// Enabled implements slog.Handler.
func (*traceHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h *traceHandler) Handle(_ context.Context, r slog.Record) error {
	var topic string
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == linker.LogTopic {
			topic = a.Value.String()
			return true
		}
		b.WriteString("  " + a.Key + "=" + printable(a.Value.String()))
		return true
	})
	if !h.topics[topic] {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, topic+": "+h.names.Replace(b.String())+"\n")
	return err
}

// WithAttrs implements slog.Handler; the linker has no attributes of its own.
func (h *traceHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler; the linker has no groups of attributes.
func (h *traceHandler) WithGroup(string) slog.Handler { return h }
