package linker

import (
	"context"
	"log/slog"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/search"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Topics of the linker's log, the value of each record's attribute [LogTopic]. They are those of
// LD_DEBUG.
const (
	LogTopic    = "topic"
	LogFiles    = "files"    // which files were tried, found, loaded and unloaded; level Info
	LogBindings = "bindings" // who defines each import of a module; level Debug
	LogSymbols  = "symbols"  // look-ups by name, when the program runs; level Debug
	LogGroups   = "groups"   // groups that were spawned and closed; level Info
)

// WithLogger sets the receiver of records of what the linker does, as LD_DEBUG makes ld.so print
// it: the files that it tries and loads, the rule by which, the definer of each symbol, and each
// failure. Every record has the attribute [LogTopic], and those of a group its number as "group".
// nil, the default, logs nothing, at no cost.
//
// The logger's handler is called in the middle of link operations, with the linker's locks held, by
// whichever goroutine is at work, by several at once. It must not call the linker.
func (c *Config) WithLogger(logger *slog.Logger) *Config {
	return c.with(func(c *Config) { c.logger = logger })
}

// log writes a record. Callers that would have to work for its attributes ask logs first.
func (l *Linker) log(ctx context.Context, topic, message string, attrs ...slog.Attr) {
	if l.config.logger == nil {
		return
	}
	level := slog.LevelInfo
	if topic == LogBindings || topic == LogSymbols {
		level = slog.LevelDebug
	}
	l.config.logger.LogAttrs(ctx, level, message, append(attrs, slog.String(LogTopic, topic))...)
}

// logs reports whether there is a receiver for records.
func (l *Linker) logs() bool { return l.config.logger != nil }

// logLoaded tells of a module that an operation has loaded, which may still fail in other groups.
func (op *linkOp) logLoaded(ctx context.Context, m *image.Module) {
	if !op.l.logs() {
		return
	}
	op.l.log(ctx, LogFiles, "loaded", slog.String("module", m.Name), slog.String("file", m.File),
		slog.Uint64("memory", uint64(m.Memory.Base)), slog.Uint64("bytes", uint64(m.Memory.Size)),
		slog.Uint64("table", uint64(m.Table.Base)), slog.Uint64("entries", uint64(m.Table.Size)))
}

// logBinding tells who defines an import.
func (l *Linker) logBinding(ctx context.Context, m *image.Module, imp *wasm.Import,
	x shim.Binding) {
	if !l.logs() {
		return
	}
	definer, message := "", "bound"
	switch {
	case x.Fn != nil:
		definer = x.Fn.Mod.Name
	case x.Exp != nil:
		definer = x.Exp.Mod.Name
	case x.PLT != nil && x.PLT.Target != nil:
		definer = x.PLT.Target.Mod.Name
	case x.PLT != nil:
		message = "not bound yet: nobody has it"
	default:
		return // a place of the module's own: its memory, its table, its base addresses
	}
	l.log(ctx, LogBindings, message, slog.String("module", m.Name),
		slog.String("symbol", imp.Module+"."+imp.Name), slog.String("definer", definer))
}

// logTried tells of a file that a library's name may mean.
func (l *Linker) logTried(name string, c search.Candidate, err error) {
	if !l.logs() {
		return
	}
	message := "found"
	if err != nil {
		message = "not there"
	}
	l.log(context.Background(), LogFiles, message, slog.String("library", name),
		slog.String("file", c.File), slog.String("by", c.Why))
}

// logCalls tells of a function of the toolchain that the linker is about to call: a constructor,
// say.
func (l *Linker) logCalls(ctx context.Context, m *image.Module, function string) {
	l.log(
		ctx,
		LogFiles,
		"calling",
		slog.String("module", m.Name),
		slog.String("function", function),
	)
}

func (g *Group) logOpened(ctx context.Context, name string, lib *Library, err error) {
	switch {
	case !g.l.logs():
	case err != nil:
		g.l.log(ctx, LogFiles, "open failed", slog.Int("group", g.id),
			slog.String("library", name), slog.String("error", err.Error()))
	default:
		g.l.log(ctx, LogFiles, "opened", slog.Int("group", g.id),
			slog.String("library", name), slog.String("file", lib.File()))
	}
}

// logLookup tells what came of a look-up that was a link operation, or failed.
func (g *Group) logLookup(ctx context.Context, name string, sym Symbol, err error) {
	switch {
	case !g.l.logs():
	case err != nil:
		g.l.log(ctx, LogSymbols, "look-up failed", slog.Int("group", g.id),
			slog.String("symbol", name), slog.String("error", err.Error()))
	default:
		g.l.log(ctx, LogSymbols, "looked up", slog.Int("group", g.id), slog.String("symbol", name),
			slog.String("definer", sym.Module), slog.Uint64("pointer", uint64(sym.Pointer)))
	}
}

// logLate tells of a function that is bound when it is first called.
func (l *Linker) logLate(ctx context.Context, k *image.PLTEntry, fn *image.Function) {
	if l.logs() {
		l.log(ctx, LogBindings, "bound at its first call", slog.String("module", k.Mod.Name),
			slog.String("symbol", k.Namespace+"."+k.Symbol), slog.String("definer", fn.Mod.Name))
	}
}

// logUnloaded tells of modules that are about to be unloaded.
func (l *Linker) logUnloaded(gone []*image.Module) {
	for _, m := range gone {
		l.log(context.Background(), LogFiles, "unloaded",
			slog.String("module", m.Name), slog.String("file", m.File))
	}
}
